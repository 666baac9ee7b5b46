/** The page of `omentum serve`. */
import { BackendError } from "../backend.ts";
import { mountApp } from "../page/app.ts";
import { showing } from "../page/entry.ts";
import { askForToken } from "../page/login.ts";
import { Api } from "../service/api.ts";
import { ServiceBackend } from "../service/service_backend.ts";

const backend = new ServiceBackend(new Api(new URL(".", location.href).href));

async function begin(root: HTMLElement): Promise<void> {
  try {
    await mountApp(root, backend);
  } catch (error) {
    if (!(error instanceof BackendError && error.code === "no_token")) throw error;
    askForToken(root, (token) => backend.login(token).then(() => begin(root)));
  }
}

showing(begin);
