/** What is on the screen: slices as pictures, and where two of them differ. */
import { settled } from "../chromium.mjs";

/** The axial slice as it is on the screen: PNG, base64. */
export async function axialPicture(page) {
  const box = await page.locator(".stage").boundingBox();
  const clip = { x: box.x, y: box.y, width: Math.floor(box.width / 2) - 4, height: Math.floor(box.height / 2) - 4 };
  return (await page.screenshot({ clip })).toString("base64");
}

/** How many pixels of two pictures differ, and the middle of these as a share of the width. */
export function difference(page, one, other) {
  return page.evaluate(async (pictures) => {
    const decode = async (encoded) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))], { type: "image/png" }));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      canvas.drawImage(bitmap, 0, 0);
      return canvas.getImageData(0, 0, bitmap.width, bitmap.height);
    };
    const [a, b] = await Promise.all(pictures.map(decode));
    let [count, sum] = [0, 0];
    for (let k = 0; k < a.data.length; k += 4) {
      const changed = [0, 1, 2].reduce((total, channel) => total + Math.abs(a.data[k + channel] - b.data[k + channel]), 0);
      if (changed < 12) continue;
      count += 1;
      sum += (k / 4) % a.width;
    }
    return { count, centre: sum / count / a.width };
  }, [one, other]);
}

export async function tick(page, key) {
  await page.locator(`[data-key=${key}] input[type=checkbox]`).click();
  await settled(page);
}

/** Drag over shares of the stage. */
export async function drag(page, from, to) {
  const box = await page.locator(".stage").boundingBox();
  const place = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...place(from));
  await page.mouse.down();
  await page.mouse.move(...place(to), { steps: 3 });
  await page.mouse.up();
  await settled(page);
}
