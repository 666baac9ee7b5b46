/** `make web`: the page of `omentum serve`, into the Python package. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { licences } from "./licences.ts";

export default defineConfig({
  base: "./",
  plugins: [licences()],
  resolve: { alias: { zarrita: fileURLToPath(new URL("src/no_zarr.ts", import.meta.url)) } },
  build: {
    outDir: "../src/omentum/serve/page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
  },
});
