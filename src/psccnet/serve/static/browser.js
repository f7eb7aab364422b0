// Where results come from on the page without a server: this browser alone. The same functions as server.js has.

import { colours } from "./colours.js";
import { resampled } from "./resampling.js";

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const calls = new Map();
let count = 0;
let broken = null;

/** What stands where the server's page has the other traces. */
export const NO_FINDINGS =
  "This page looks by the network alone. Other traces, such as copied parts, JPEG squares, noise, colours and what the file tells of itself, are looked for by psccnet serve, psccnet detect and psccnet report; they also weigh some of them in the mask, write a report for paper, and read more formats and larger pictures.";

worker.onmessage = ({ data }) => {
  const call = calls.get(data.call);
  if (!call) return;
  if (data.share !== undefined) return call.progress?.(data.share);
  calls.delete(data.call);
  if (data.failed === undefined) call.resolve(data.answer);
  else call.reject(new Error(data.failed));
};
worker.onerror = () => {
  broken = new Error("The network cannot be started in this browser: a file of the page is missing, or the browser is too old.");
  for (const call of calls.values()) call.reject(broken);
  calls.clear();
};

function ask(name, asked, progress) {
  if (broken) return Promise.reject(broken);
  count += 1;
  const call = count;
  return new Promise((resolve, reject) => {
    calls.set(call, { resolve, reject, progress });
    worker.postMessage({ call, name, asked });
  });
}

const kept = new Map(); // id -> the masks and the file

/** Look at a file; `choices` are exit_scale and threshold; `progress` is told the share that is done. */
export async function detect(file, choices, progress) {
  const id = String((count += 1));
  const { result, masks, tint } = await ask("detect", { id, file, choices }, progress);
  kept.set(id, { masks, file, tint });
  return { ...result, id };
}

/** The masks that there are, coarse to fine. */
export const scales = (result) => Object.keys(kept.get(result.id).masks).map(Number).sort().reverse();

const inBytes = ({ width, height, values }) => ({ width, height, values: Uint8ClampedArray.from(values, (value) => 255 * value) });

/** The mask of a scale: {width, height, values}, 0..255. */
export const mask = async (result, scale) => inBytes(kept.get(result.id).masks[scale]);

/** Which places a pixel is related to: {width, height, values}, 0..255. */
export async function response(result, scale, x, y, signal) {
  const found = await ask("response", { id: result.id, scale, x, y });
  signal?.throwIfAborted();
  return inBytes(found);
}

/** The picture as an ImageBitmap, upright. */
export const picture = (result) => createImageBitmap(kept.get(result.id).file);

/** The drawing of a finding: there are none here. */
export const drawing = () => Promise.reject(new Error("there is no drawing"));

/** Forget a result and its picture. */
export async function remove(result) {
  kept.delete(result.id);
  await ask("remove", { id: result.id });
}

/** What asks for a key: nothing here wants one. */
export const onKeyWanted = () => {};

/** A PNG file at the picture's size; `paint(values, image, context)` makes it of the finest mask's values, 0..1. */
async function drawn(result, paint) {
  const { masks, file } = kept.get(result.id);
  const { width, height } = result;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(await createImageBitmap(file), 0, 0);
  const image = context.getImageData(0, 0, width, height);
  paint(resampled(masks[result.exit_scale], width, height), image.data);
  context.putImageData(image, 0, 0);
  return context.canvas.convertToBlob({ type: "image/png" });
}

/** Tint a picture as psccnet.inference.rendering does; the line around the region is one pixel thick here. */
function paintOverlay(level, width, { dim, strongest }) {
  const table = colours("viridis");
  return (values, pixels) => values.forEach((value, at) => {
    const share = strongest * Math.sqrt(value);
    const stays = (dim + (1 - dim) * value) * (1 - share);
    const edge = level !== null && value > level && [at - 1, at + 1, at - width, at + width].some((beside) => values[beside] <= level);
    for (let channel = 0; channel < 3; channel += 1) {
      const tinted = pixels[4 * at + channel] * stays + table[3 * Math.round(255 * value) + channel] * share;
      pixels[4 * at + channel] = edge ? 255 : tinted;
    }
    pixels[4 * at + 3] = 255;
  });
}

const paintMask = (values, pixels) => values.forEach((value, at) => pixels.set([255 * value, 255 * value, 255 * value, 255], 4 * at));

/** What can be saved: words, ending of the file's name, and what makes it. */
export const saves = (result) => [
  ["Overlay", "overlay.png", () => drawn(result, paintOverlay(result.level, result.width, kept.get(result.id).tint))],
  ["Mask, values in 8 bits", "mask.png", () => drawn(result, paintMask)],
  ["JSON", "result.json", async () => new Blob([JSON.stringify(result, null, 2)], { type: "application/json" })],
];
