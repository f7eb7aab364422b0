// Bilinear resampling as the network and psccnet/pictures/resampling.py do it.

/** A map {width, height, values} resampled with its corners on the corners, as the network does it: Float32Array. */
export function resampled(map, width, height) {
  const output = new Float32Array(width * height);
  const along = (length, size) => Array.from({ length }, (_, index) => {
    const at = length > 1 ? (index * (size - 1)) / (length - 1) : 0;
    const low = Math.min(Math.floor(at), size - 1);
    return [low, Math.min(low + 1, size - 1), at - low];
  });
  const across = along(width, map.width);
  along(height, map.height).forEach(([top, below, down], y) => {
    const [upper, lower] = [top * map.width, below * map.width];
    for (let x = 0; x < width; x += 1) {
      const [left, right, share] = across[x];
      const high = map.values[upper + left] + share * (map.values[upper + right] - map.values[upper + left]);
      const low = map.values[lower + left] + share * (map.values[lower + right] - map.values[lower + left]);
      output[y * width + x] = high + down * (low - high);
    }
  });
  return output;
}
