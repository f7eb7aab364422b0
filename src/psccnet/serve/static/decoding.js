// From a file to pixels in the browser, upright and without colour management, as psccnet's own decoder has them.
// What the browser would read otherwise than psccnet, or would show half of without a word, is refused by name.

const ELSEWHERE = "psccnet serve and psccnet detect read it";
const DAMAGED = "it is cut off or damaged; copy or download it again.";

const word = (view, at) => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));

/** Size of a JPEG, and whether it is whole: its segments are walked to the marker that ends it. */
function readJpeg(view) {
  let size = null;
  for (let at = 2; at + 4 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) { at += 1; continue; }
    if (marker === 0xd9) break;
    const length = view.getUint16(at + 2);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (at + 9 >= view.byteLength) return null;
      const components = view.getUint8(at + 9);
      if (components === 4) throw new Error(`a JPEG in CMYK is not read here; ${ELSEWHERE}.`);
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + length;
    if (marker !== 0xda) continue;
    // The picture's data: it ends at the first marker that is neither a stuffed byte nor a restart.
    while (at + 1 < view.byteLength && (view.getUint8(at) !== 0xff || view.getUint8(at + 1) === 0 || (view.getUint8(at + 1) >= 0xd0 && view.getUint8(at + 1) <= 0xd7) || view.getUint8(at + 1) === 0xff)) at += 1;
    if (at + 1 >= view.byteLength) return null;
    if (view.getUint8(at + 1) === 0xd9) return size;
  }
  return null;
}

/** Size of a PNG, and whether it is whole: its chunks are walked to the last. */
function readPng(view) {
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (word(view, at + 4) === "IEND") return { width: view.getUint32(16), height: view.getUint32(20) };
  }
  return null;
}

/** Size of a WebP, and whether it is whole: its length is in its head. */
function readWebp(view) {
  if (view.byteLength < 30 || view.getUint32(4, true) + 8 > view.byteLength) return null;
  const kind = word(view, 12);
  if (kind === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  const three = (at) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (kind === "VP8X") return { width: three(24) + 1, height: three(27) + 1 };
  if (kind !== "VP8L") return null;
  const bits = view.getUint32(21, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

const FORMATS = [
  ["JPEG", (view) => view.getUint16(0) === 0xffd8, readJpeg],
  ["PNG", (view) => view.getUint32(0) === 0x89504e47, readPng],
  ["WebP", (view) => word(view, 0) === "RIFF" && word(view, 8) === "WEBP", readWebp],
];

/** Whether this browser gives back the pixels that a canvas was given; some change them, against fingerprinting. */
function canvasIsTrue() {
  const context = new OffscreenCanvas(64, 64).getContext("2d", { willReadFrequently: true });
  const pattern = new ImageData(64, 64);
  for (let at = 0; at < pattern.data.length; at += 1) pattern.data[at] = at % 4 === 3 ? 255 : (at * 37 + (at >> 5) * 11) % 256;
  context.putImageData(pattern, 0, 0);
  return context.getImageData(0, 0, 64, 64).data.every((value, at) => value === pattern.data[at]);
}

/**
 * The pixels of a file: {width, height, rgba, format, bytes}. Throws an Error with a sentence for what is not read.
 * `maxPixels` is held against what the file says of itself, before anything is decoded.
 */
export async function decode(file, maxPixels) {
  if (typeof OffscreenCanvas === "undefined") throw new Error("this browser is too old to look at pictures by itself; use a current one.");
  const bytes = await file.arrayBuffer();
  if (bytes.byteLength === 0) throw new Error("the file is empty; copy or download it again.");
  const view = new DataView(bytes);
  const found = view.byteLength > 12 ? FORMATS.find(([, begins]) => begins(view)) : null;
  if (!found) throw new Error("this page reads JPEG, PNG and WebP; psccnet serve and psccnet detect read more.");
  const [format, , read] = found;
  let stored = null;
  try {
    stored = read(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // what is read past the end
  }
  if (!stored?.width || !stored.height) throw new Error(DAMAGED);
  const megapixels = (stored.width * stored.height) / 1e6;
  if (stored.width * stored.height > maxPixels) {
    throw new Error(`${stored.width} x ${stored.height} is ${megapixels.toFixed(1)} megapixels; this page reads at most ${maxPixels / 1e6}; ${ELSEWHERE}.`);
  }
  if (!canvasIsTrue()) throw new Error("this browser changes the pixels that a page reads, against fingerprinting, which would falsify the result; allow this page to read canvases, or use another browser.");
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new Error(DAMAGED);
  }
  const { width, height } = bitmap;
  if (width * height !== stored.width * stored.height) throw new Error("this browser decodes it at another size than the file says; use another browser.");
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, alpha: false });
  context.fillStyle = "#ffffff"; // transparency is laid over white
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data, format, stored, bytes };
}
