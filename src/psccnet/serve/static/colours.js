// Colour scales for values of 0..255: the same file that the drawings of the command line are made from.

const scales = await (await fetch(new URL("scales.json", import.meta.url))).json();

/** The 256 colours of a scale as [red, green, blue, red, ...]. */
export function colours(name) {
  const steps = scales[name];
  const made = new Uint8ClampedArray(256 * 3);
  for (let value = 0; value < 256; value += 1) {
    const at = (value / 255) * (steps.length - 1);
    const low = Math.min(Math.floor(at), steps.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const from = steps[low][channel];
      made[3 * value + channel] = Math.round(from + (at - low) * (steps[low + 1][channel] - from));
    }
  }
  return made;
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

/** A map resampled with its corners on the corners, as the network does it; values 0..255. */
export function resample(map, width, height) {
  const made = new Uint8ClampedArray(width * height);
  for (let y = 0; y < height; y += 1) {
    const down = height > 1 ? (y * (map.height - 1)) / (height - 1) : 0;
    const top = Math.min(Math.floor(down), Math.max(0, map.height - 2));
    const below = Math.min(top + 1, map.height - 1);
    for (let x = 0; x < width; x += 1) {
      const across = width > 1 ? (x * (map.width - 1)) / (width - 1) : 0;
      const left = Math.min(Math.floor(across), Math.max(0, map.width - 2));
      const right = Math.min(left + 1, map.width - 1);
      const share = across - left;
      const upper = map.values[top * map.width + left] * (1 - share) + map.values[top * map.width + right] * share;
      const lower = map.values[below * map.width + left] * (1 - share) + map.values[below * map.width + right] * share;
      made[y * width + x] = upper + (down - top) * (lower - upper);
    }
  }
  return made;
}
