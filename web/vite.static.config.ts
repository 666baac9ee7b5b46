/** `make web-static`: the page with everything it needs to segment in the browser, as a folder of static files. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { licences } from "./licences.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("static"),
  base: "./",
  publicDir: here("public"),
  plugins: [licences(["onnxruntime-web", "onnxruntime-common"])],
  resolve: { alias: { zarrita: here("src/no_zarr.ts") } },
  worker: { format: "es" },
  build: { outDir: here("dist-static"), emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 4000 },
});
