/** In place of `zarrita`, which NiiVue imports for Zarr images: none are shown here, and its codecs are larger than the page. */

function unavailable(): never {
  throw new Error("Zarr images are not supported");
}

export const root = unavailable;
export const open = unavailable;
export const get = unavailable;
export const slice = unavailable;
export const FetchStore = unavailable;
