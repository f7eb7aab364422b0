// Colour scales for values of 0..255: the same file that the drawings of the command line are made from.

import { resampled } from "./resampling.js";

const scales = await (await fetch(new URL("scales.json", import.meta.url))).json();

/** The 256 colours of a scale as [red, green, blue, red, ...]. */
export function colours(name) {
  const steps = scales[name];
  const table = new Uint8ClampedArray(256 * 3);
  for (let value = 0; value < 256; value += 1) {
    const at = (value / 255) * (steps.length - 1);
    const low = Math.min(Math.floor(at), steps.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const from = steps[low][channel];
      table[3 * value + channel] = Math.round(from + (at - low) * (steps[low + 1][channel] - from));
    }
  }
  return table;
}

/** Draw a scale from left to right. */
export function drawRamp(canvas, name) {
  const context = canvas.getContext("2d");
  const table = colours(name);
  for (let x = 0; x < canvas.width; x += 1) {
    const value = 3 * Math.round((255 * x) / (canvas.width - 1));
    context.fillStyle = `rgb(${table[value]} ${table[value + 1]} ${table[value + 2]})`;
    context.fillRect(x, 0, 1, canvas.height);
  }
}

/** A map resampled with its corners on the corners; values 0..255. */
export const resample = (map, width, height) => Uint8ClampedArray.from(resampled(map, width, height));
