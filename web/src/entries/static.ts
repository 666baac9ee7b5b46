/** The static page: the viewer with a network that runs in this browser. */
import { LocalBackend } from "../local/local_backend.ts";
import { mountApp } from "../page/app.ts";
import { showing } from "../page/entry.ts";

/** `?device=webgpu` runs the network on the graphics card. */
const device = new URLSearchParams(location.search).get("device") === "webgpu" ? "webgpu" : "wasm";

showing((root) => mountApp(root, new LocalBackend(new URL(".", location.href).href, device)));
