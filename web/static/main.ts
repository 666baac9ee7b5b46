/** The static page: the viewer with a network that runs in this browser. */
import "../src/theme.css";
import { mountApp } from "../src/app.ts";
import { make } from "../src/dom.ts";
import { LocalBackend } from "../src/local/local_backend.ts";

const root = document.getElementById("app") as HTMLElement;
/** `?device=webgpu` runs the network on the graphics card. */
const device = new URLSearchParams(location.search).get("device") === "webgpu" ? "webgpu" : "wasm";
const backend = new LocalBackend(new URL(".", location.href).href, device);

mountApp(root, backend).catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  root.replaceChildren(make("main", { class: "start" }, [make("h1", {}, ["Omentum"]), make("p", { role: "alert" }, [reason])]));
});
