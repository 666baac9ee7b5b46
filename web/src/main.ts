/** The page of `omentum serve`. */
import "./theme.css";
import { Api } from "./api.ts";
import { mountApp } from "./app.ts";
import { BackendError } from "./backend.ts";
import { make, uniqueId } from "./dom.ts";
import { ServiceBackend } from "./service_backend.ts";

const root = document.getElementById("app") as HTMLElement;
const backend = new ServiceBackend(new Api(new URL(".", location.href).href));

async function begin(): Promise<void> {
  try {
    await mountApp(root, backend);
  } catch (error) {
    if (error instanceof BackendError && error.code === "no_token") askForToken();
    else root.replaceChildren(make("main", { class: "start" }, [make("h1", {}, ["Omentum"]), make("p", { role: "alert" }, [error instanceof Error ? error.message : String(error)])]));
  }
}

/** The service keeps the token in a cookie that scripts cannot read. */
function askForToken(): void {
  const field = make("input", { type: "password", id: uniqueId("token"), autocomplete: "current-password", required: true });
  const message = make("p", { role: "alert", class: "caution" });
  const form = make("form", { class: "card login" }, [make("h1", {}, ["Omentum"]), make("label", { for: field.id }, ["Access token"]), field, make("button", { class: "primary" }, ["Continue"]), message]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    backend.login(field.value).then(begin, (error: unknown) => {
      message.textContent = error instanceof Error ? error.message : String(error);
    });
  });
  root.replaceChildren(make("main", { class: "start" }, [form]));
  field.focus();
}

void begin();
