// The network on a picture of any size, tile by tile: what psccnet/engine/engine.py and tiling.py do in Python, so that
// the page without a server gives the same result. Maps are {dims, data}, (1, channels, rows, columns) and row by row.

import { resampled } from "./resampling.js";

/** Length of the map of a scale, 1..4, of `length` cells. */
const mapSize = (length, scale) => Math.ceil(length / 2 ** (scale - 1));

const sizeAt = (span, scale) => mapSize(span.stop - span.start, scale);

/** Length of each of `pieces` tiles that cover `length` and start at multiples of `alignment`. */
function tileSize(length, pieces, halo, alignment) {
  const least = Math.ceil((length + (pieces - 1) * (2 * halo + alignment - 1)) / pieces);
  const rest = (((length - least) % alignment) + alignment) % alignment;
  return Math.min(length, least + rest);
}

/** Cut an axis into tiles of one size; what is right in a tile, its core, keeps `halo` away from its inner ends. */
function cut(length, pieces, halo, alignment) {
  const size = tileSize(length, pieces, halo, alignment);
  if (size === length) return [{ start: 0, stop: length, coreStart: 0, coreStop: length }];
  const starts = Array.from({ length: pieces }, (_, index) => Math.floor((index * (length - size)) / ((pieces - 1) * alignment)) * alignment);
  const borders = [0, ...starts.slice(1).map((start) => start + halo), length];
  return starts.map((start, index) => ({ start, stop: start + size, coreStart: borders[index], coreStop: borders[index + 1] }));
}

/** Of all cuts into tiles of at most `tileCells`, the one with the least computation: spans of rows and of columns. */
export function plan(height, width, { tileCells, halo, alignment }) {
  const most = (length) => Math.max(1, Math.floor(length / halo));
  let best = Infinity;
  let chosen = [most(height), most(width)];
  for (let down = 1; down <= most(height); down += 1) {
    const rows = tileSize(height, down, halo, alignment);
    let across = 1;
    while (across <= most(width) && tileSize(width, across, halo, alignment) * rows > tileCells) across += 1;
    if (across > most(width)) continue;
    const work = down * rows * across * tileSize(width, across, halo, alignment);
    if (work < best) [best, chosen] = [work, [down, across]];
  }
  return [cut(height, chosen[0], halo, alignment), cut(width, chosen[1], halo, alignment)];
}

/** Positions in a map of `size` as -1..1, its outermost pixels. */
function normalised(at, size) {
  return Float32Array.from(at, (place) => (size === 1 ? 0 : Math.min(1, Math.max(-1, (2 * place) / (size - 1) - 1))));
}

/** Where steps of the scale `fine` lie in a tile's map of the scale `coarse`, as the whole picture has it. */
function positions(steps, span, length, fine, coarse) {
  const [wholeFine, wholeCoarse] = [mapSize(length, fine), mapSize(length, coarse)];
  const ratio = wholeFine > 1 ? (wholeCoarse - 1) / (wholeFine - 1) : 0;
  const [first, offset] = [Math.floor(span.start / 2 ** (fine - 1)), Math.floor(span.start / 2 ** (coarse - 1))];
  return normalised(Array.from(steps, (step) => (step + first) * ratio - offset), sizeAt(span, coarse));
}

/** The points of a fixed grid of `side` along an axis that lie in a tile's core, and what is read for each. */
function gridPoints(span, length, scale, side) {
  const unit = 2 ** (scale - 1);
  const spacing = (mapSize(length, scale) - 1) / (side - 1);
  const lower = Array.from({ length: side }, (_, index) => Math.floor(index * spacing));
  const firstFrom = (bound) => { const found = lower.findIndex((step) => step >= bound); return found < 0 ? side : found; };
  const first = firstFrom(Math.floor(span.coreStart / unit));
  const last = firstFrom(mapSize(span.coreStop, scale));
  // As all tiles sample equally many points, there may be spare ones, which are thrown away.
  const count = Math.min(side, 2 + Math.floor((side * (span.stop - span.start)) / length));
  const [steps, shares] = [new Int32Array(2 * count), new Float32Array(2 * count)];
  for (let point = first; point < last; point += 1) {
    const at = 2 * (point - first);
    const share = point * spacing - lower[point];
    steps[at] = lower[point] - Math.floor(span.start / unit);
    steps[at + 1] = Math.min(steps[at] + 1, sizeAt(span, scale) - 1);
    [shares[at], shares[at + 1]] = [1 - share, share];
  }
  return { first, last, steps, shares };
}

/** What stages 2 to 4 of a tile read along an axis: the points of each scale's grid, and the graph's inputs by name. */
export function coordinates(axis, span, length, grid) {
  const points = [1, 2, 3, 4].map((scale) => gridPoints(span, length, scale, grid >> (scale - 1)));
  const inputs = {};
  const vector = (data) => ({ dims: [data.length], data });
  points.forEach(({ steps, shares }, index) => {
    inputs[`${axis}${index + 1}`] = vector(steps);
    inputs[`shares_${axis}${index + 1}`] = { dims: axis === "rows" ? [1, 1, shares.length, 1] : [1, 1, 1, shares.length], data: shares };
  });
  for (let fine = 1; fine < 4; fine += 1) {
    const every = Array.from({ length: sizeAt(span, fine) }, (_, step) => step);
    for (let coarse = fine + 1; coarse <= 4; coarse += 1) {
      inputs[`${axis}${fine}in${coarse}`] = vector(positions(points[fine - 1].steps, span, length, fine, coarse));
      if (coarse < 4) inputs[`every_${axis}${fine}in${coarse}`] = vector(positions(every, span, length, fine, coarse));
    }
  }
  return { points, inputs };
}

/** The pixels of a tile of the stem as the graph takes them; past the edge of a picture of odd size it is mirrored. */
function stemPixels(picture, rows, columns, cell) {
  const along = (span, length) => {
    const places = new Int32Array((span.stop - span.start) * cell);
    for (let index = 0; index < places.length; index += 1) {
      const at = span.start * cell + index;
      places[index] = at < length ? at : Math.max(0, at - 2);
    }
    return places;
  };
  const [down, across] = [along(rows, picture.height), along(columns, picture.width)];
  const data = new Uint8Array(down.length * across.length * 3);
  let to = 0;
  for (const y of down) {
    for (const x of across) {
      const from = 4 * (y * picture.width + x);
      data[to] = picture.rgba[from];
      data[to + 1] = picture.rgba[from + 1];
      data[to + 2] = picture.rgba[from + 2];
      to += 3;
    }
  }
  return { dims: [1, down.length, across.length, 3], data };
}

const emptyMap = (channels, rows, columns) => ({ dims: [1, channels, rows, columns], data: new Float32Array(channels * rows * columns) });

/** Copy a box of a map into another: `rows` x `columns` from (y, x) of the one to (toY, toX) of the other. */
function paste(from, y, x, into, toY, toX, rows, columns) {
  const [, channels, fromRows, fromColumns] = from.dims;
  const [, , intoRows, intoColumns] = into.dims;
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = 0; row < rows; row += 1) {
      const start = (channel * fromRows + y + row) * fromColumns + x;
      into.data.set(from.data.subarray(start, start + columns), (channel * intoRows + toY + row) * intoColumns + toX);
    }
  }
}

export class Engine {
  /**
   * `run(part, inputs)` computes a part of the network, inputs and outputs by name; `model` says how it is cut:
   * {cell, grid, channels, halo, alignment, stemHalo, stemAlignment, tileCells, stemCells, detectionReads, settled}.
   */
  constructor(model, run) {
    Object.assign(this, { model, run });
  }

  stemSpans(length) {
    const { stemHalo, stemAlignment } = this.model;
    const most = Math.floor(Math.sqrt(this.model.stemCells));
    const pieces = length <= most ? 1 : Math.ceil(length / (most - 2 * stemHalo));
    return cut(length, pieces, stemHalo, stemAlignment);
  }

  /** Fill the maps of scales 1 and 2 of a tile, from tiles of their own: the maps before them have 256 channels. */
  async stem(picture, down, across, maps, step) {
    for (const row of this.stemSpans(down.stop - down.start)) {
      for (const column of this.stemSpans(across.stop - across.start)) {
        const shifted = (span, by) => ({ start: by.start + span.start, stop: by.start + span.stop });
        const pixels = stemPixels(picture, shifted(row, down), shifted(column, across), this.model.cell);
        const pieces = await this.run("stem", { pixels });
        [pieces.fine, pieces.half].forEach((piece, index) => {
          const place = (span) => {
            const [start, stop] = [mapSize(span.coreStart, index + 1), mapSize(span.coreStop, index + 1)];
            return [start, stop - start, start - Math.floor(span.start / 2 ** index)];
          };
          const [[toY, rows, y], [toX, columns, x]] = [place(row), place(column)];
          paste(piece, y, x, maps[index], toY, toX, rows, columns);
        });
        step();
      }
    }
  }

  /** F_1..F_4 at their fixed sizes of {width, height, rgba}; `progress` is told the share of them that is done. */
  async features(picture, progress = () => {}) {
    const { cell, grid, channels } = this.model;
    const [height, width] = [picture.height, picture.width].map((length) => Math.ceil(length / cell));
    const features = channels.map((count, index) => emptyMap(count, grid >> index, grid >> index));
    const [rows, columns] = plan(height, width, this.model);
    const across = columns.map((span) => coordinates("columns", span, width, grid));
    const maps = [1, 2].map((scale) => emptyMap(channels[scale - 1], sizeAt(rows[0], scale), sizeAt(columns[0], scale)));
    const stems = this.stemSpans(rows[0].stop - rows[0].start).length * this.stemSpans(columns[0].stop - columns[0].start).length;
    // The stages of a tile take about as long as its stem.
    const steps = rows.length * columns.length * stems * 2;
    let done = 0;
    const step = (count) => progress((done += count) / steps);
    for (const down of rows) {
      const ofRows = coordinates("rows", down, height, grid);
      for (const [index, column] of columns.entries()) {
        await this.stem(picture, down, column, maps, () => step(1));
        const sampled = await this.run("stages", { fine: maps[0], half: maps[1], ...ofRows.inputs, ...across[index].inputs });
        features.forEach((feature, at) => {
          const [row, col] = [ofRows.points[at], across[index].points[at]];
          paste(sampled[`feature${at + 1}`], 0, 0, feature, row.first, col.first, row.last - row.first, col.last - col.first);
        });
        step(stems);
      }
    }
    return features;
  }

  /**
   * Detect and localize in {width, height, rgba}; the finest mask is that of `exitScale`, 1..4 or "auto".
   * Gives {score, features, logits: {scale: map}, masks: {scale: {width, height, values 0..1}}}.
   */
  async detect(picture, exitScale = 1, progress = () => {}) {
    const features = await this.features(picture, progress);
    const known = Object.fromEntries(features.map((feature, index) => [`feature${index + 1}`, feature]));
    const estimate = async (scale) => {
      if (!known[`logits${scale}`]) known[`logits${scale}`] = (await this.run(`scale${scale}`, known))[`logits${scale}`];
      return known[`logits${scale}`];
    };
    for (let scale = 4; scale >= Math.min(5, ...this.model.detectionReads); scale -= 1) await estimate(scale);
    const score = (await this.run("detection", known)).score.data[0];
    const masks = {};
    for (let scale = 4; scale >= 1; scale -= 1) {
      masks[scale] = probabilities(await estimate(scale));
      if (scale === exitScale || (exitScale === "auto" && settled(masks, scale, this.model.settled))) break;
    }
    const logits = Object.fromEntries(Object.entries(known).filter(([name]) => name.startsWith("logits")).map(([name, map]) => [name.at(-1), map]));
    return { score, features, logits, masks };
  }
}

function probabilities(logits) {
  const [height, width] = logits.dims.slice(2);
  return { width, height, values: logits.data.map((value) => 0.5 * (1 + Math.tanh(0.5 * value))) };
}

/** Whether the mask of `scale` differs so little from the one before that the next is not worth its time. */
function settled(masks, scale, least) {
  if (!masks[scale + 1]) return false;
  const before = resampled(masks[scale + 1], masks[scale].width, masks[scale].height);
  return masks[scale].values.reduce((sum, value, index) => sum + Math.abs(value - before[index]), 0) / before.length < least;
}
