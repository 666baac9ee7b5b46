/** The view of a service that needs a token. It keeps the token in a cookie that scripts cannot read. */
import { make, uniqueId } from "../ui/dom.ts";

/** @param login rejects with words for the user, who may try again */
export function askForToken(root: HTMLElement, login: (token: string) => Promise<void>): void {
  const field = make("input", { type: "password", id: uniqueId("token"), autocomplete: "current-password", required: true });
  const message = make("p", { role: "alert", class: "caution" });
  const form = make("form", { class: "card login" }, [make("h1", {}, ["Omentum"]), make("label", { for: field.id }, ["Access token"]), field, make("button", { class: "primary" }, ["Continue"]), message]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    login(field.value).catch((error: unknown) => {
      message.textContent = error instanceof Error ? error.message : String(error);
    });
  });
  root.replaceChildren(make("main", { class: "start" }, [form]));
  field.focus();
}
