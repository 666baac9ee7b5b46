/** Masks that overlap all at once are all drawn, each by itself. */
import assert from "node:assert/strict";
import { masksShown, settled, shot } from "../chromium.mjs";
import { axialPicture, difference } from "./pictures.mjs";

/** As many as the bundled model has structures. */
const STRUCTURES = 32;

/**
 * The same result with its masks replaced: all of `STRUCTURES` cover the middle of one slice, each a
 * little more than the one before.
 */
export async function overlapping(page) {
  await page.route("**/results/segmentation.seg.nrrd", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: nested(await response.body()) });
  });
  await page.route("**/corrections", (route) => route.fulfill({ json: { corrections: [] } }));
  await page.reload();
  await masksShown(page);
  assert.equal(await page.locator(".structure-groups li").count(), STRUCTURES);
  assert.equal(await page.locator(".notice").count(), 0, "nothing is left out");
  await shot(page, "overlapping");
  await page.getByRole("button", { name: "None", exact: true }).click();
  await settled(page);
  const bare = await axialPicture(page);
  const sizes = [];
  for (const number of [1, 16, 17, 32]) {
    const box = page.locator(`[data-key=mask_${number}] input[type=checkbox]`);
    await box.click();
    await settled(page);
    sizes.push((await difference(page, bare, await axialPicture(page))).count);
    await box.click();
  }
  assert.ok(sizes.every((size, k) => size > 200 && size > (sizes[k - 1] ?? 0)), `${sizes} pixels`);
  await page.unroute("**/results/segmentation.seg.nrrd");
  await page.unroute("**/corrections");
}

function nested(file) {
  const end = file.indexOf("\n\n") + 2;
  const fields = file.subarray(0, end).toString().split("\n").filter((line) => /^(space|space origin|kinds|endian):/.test(line));
  const found = /\nsizes: ([\d ]+)\n/.exec(file.subarray(0, end).toString())[1].split(" ").map(Number);
  const [width, height, depth] = found.slice(-3);
  const directions = /\nspace directions: (?:none )?(.*)\n/.exec(file.subarray(0, end).toString())[1];
  const data = Buffer.alloc(STRUCTURES * width * height * depth);
  for (let z = 0, at = 0; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let k = 0; k < STRUCTURES; k++, at++)
          data[at] = z === depth >> 1 && Math.max(Math.abs(x / width - 0.5), Math.abs(y / height - 0.5)) < 0.1 + (0.3 * k) / STRUCTURES ? 1 : 0;
  const masks = Array.from({ length: STRUCTURES }, (_, k) => [`Segment${k}_ID:=mask_${k + 1}`, `Segment${k}_Layer:=${k}`, `Segment${k}_LabelValue:=1`, `Segment${k}_Color:=${k / STRUCTURES} ${1 - k / STRUCTURES} 0.5`]).flat();
  const head = ["NRRD0004", "type: unsigned char", "dimension: 4", ...fields.filter((line) => !line.startsWith("kinds")), `sizes: ${STRUCTURES} ${width} ${height} ${depth}`, `space directions: none ${directions}`, "encoding: raw", ...masks, "", ""].join("\n");
  return Buffer.concat([Buffer.from(head), data]);
}
