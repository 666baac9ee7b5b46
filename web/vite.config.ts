/**
 * Both pages, one a mode: `service` (`make web`) is the page of `omentum serve`, built into the Python package; `static`
 * (`make web-static`) is a folder of files with everything that is needed to segment in the browser.
 */
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { licences } from "./licences.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** No server sends this header with a static page; `omentum serve` sends its own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self' blob: data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function policy(): Plugin {
  return {
    name: "policy",
    transformIndexHtml: () => [{ tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" }],
  };
}

export default defineConfig(({ mode }) => {
  const isStatic = mode === "static";
  return {
    base: "./",
    plugins: isStatic ? [licences(["onnxruntime-web", "onnxruntime-common"]), policy()] : [licences()],
    resolve: { alias: { zarrita: here("src/view/no_zarr.ts") } },
    worker: { format: "es" },
    build: {
      outDir: isStatic ? here("dist-static") : here("../src/omentum/serve/page"),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 4000,
    },
  };
});
