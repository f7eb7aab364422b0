// The network in the browser, beside the page's own thread: onnxruntime-web runs the graphs that `psccnet page` wrote.

import * as ort from "../runtime/ort.wasm.min.mjs";
import { decode } from "./decoding.js";
import { Engine } from "./engine.js";
import { resampled } from "./resampling.js";
import { describe } from "./verdict.js";

const PARTS = ["stem", "stages", "scale4", "scale3", "scale2", "scale1", "detection"];
const TYPES = { Float32Array: "float32", Int32Array: "int32", Uint8Array: "uint8" };
const MOST_THREADS = 8;
const KEPT = 20; // results whose pixels can be asked about

const folder = new URL("../model/", import.meta.url);
const results = new Map(); // id -> {output, width, height}
let starting = null;

async function fetched(name) {
  const answer = await fetch(new URL(name, folder)).catch(() => null);
  if (!answer?.ok) throw new Error(`The page's file model/${name} cannot be loaded; copy the whole folder that psccnet page wrote.`);
  return answer;
}

async function start() {
  ort.env.logLevel = "error";
  // Threads share memory, which browsers allow to pages with the headers COOP and COEP alone.
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  const model = await (await fetched("model.json")).json();
  const sessions = {};
  for (const part of PARTS) {
    const graph = new Uint8Array(await (await fetched(`${part}.onnx`)).arrayBuffer());
    sessions[part] = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"], enableMemPattern: false });
  }
  const run = async (part, inputs) => {
    const session = sessions[part];
    const feeds = session.inputNames.map((name) => [name, new ort.Tensor(TYPES[inputs[name].data.constructor.name], inputs[name].data, inputs[name].dims)]);
    const found = await session.run(Object.fromEntries(feeds));
    return Object.fromEntries(session.outputNames.map((name) => [name, { dims: found[name].dims, data: found[name].data }]));
  };
  const engine = new Engine(model.engine, run);
  await verify(engine, model.check);
  const attention = model.attention && { ...model.attention, values: new Float32Array(await (await fetched("attention.bin")).arrayBuffer()) };
  return { model, engine, attention };
}

/** See that this browser computes what psccnet computed when the page was written, or say that it does not. */
async function verify(engine, { width, height, score, mask4, means, tolerance }) {
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let channel = 0; channel < 4; channel += 1) rgba[4 * (y * width + x) + channel] = channel === 3 ? 255 : ((x >> 3) * 37 + (y >> 2) * 59 + channel * 83 + ((x * y) % 31) * 5) % 256;
    }
  }
  const output = await engine.detect({ width, height, rgba });
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const apart = [
    Math.abs(output.score - score),
    ...mask4.map((value, index) => Math.abs(value - output.masks[4].values[index])),
    ...means.map((value, index) => Math.abs(value - mean(output.masks[index + 1].values))),
  ];
  if (!apart.every((difference) => difference <= tolerance)) {
    throw new Error("This browser computes other numbers than psccnet, so that its verdict would be false; use another browser.");
  }
}

async function sha256(bytes) {
  if (!self.crypto?.subtle) return "not computed: the page was not loaded over HTTPS";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const jobs = {
  async detect({ id, file, choices }, progress) {
    const threshold = choices.threshold === undefined ? null : Number(choices.threshold);
    if (threshold !== null && !(threshold >= 0 && threshold <= 1)) throw new Error("The threshold is a number from 0 to 1.");
    starting ??= start();
    const { model, engine, attention } = await starting.catch((error) => { starting = null; throw error; });
    const picture = await decode(file, model.maxPixels).catch((error) => { throw new Error(`${file.name || "picture"}: ${error.message}`); });
    const began = performance.now();
    const exitScale = choices.exit_scale === "auto" ? "auto" : Number(choices.exit_scale);
    const output = await engine.detect(picture, exitScale, progress);
    const seconds = (performance.now() - began) / 1000;
    const { result, masks } = describe(model, output, picture, threshold);
    results.set(id, { output, width: picture.width, height: picture.height });
    if (results.size > KEPT) results.delete(results.keys().next().value);
    Object.assign(result, {
      name: file.name || "picture",
      sha256: await sha256(picture.bytes),
      seconds: Math.round(1e4 * seconds) / 1e4,
      notes: picture.width === picture.stored.width ? [] : ["turned upright, as the file says"],
      facts: [["file size", `${picture.bytes.byteLength.toLocaleString("en")} bytes`], ["format", picture.format], ["stored size", `${picture.stored.width} x ${picture.stored.height} pixels`]],
      explained: attention ? Object.keys(masks).map(Number) : [],
    });
    return { result, masks, tint: model.tint };
  },

  /** The row of A_s (Eq. 2) of the place that a pixel lies in, its largest value 1: {width, height, values}. */
  async response({ id, scale, x, y }) {
    const { model, attention } = await starting;
    const kept = results.get(id);
    if (!kept) throw new Error("This result is no longer kept; look at the picture again.");
    return spatial(modulated(kept.output, scale), model.engine.ratios[scale - 1], attention, scale, x / kept.width, y / kept.height);
  },

  async remove({ id }) {
    results.delete(id);
  },
};

/** X of Eq. 1: the feature times the upsampled mask of the coarser scale. */
function modulated(output, scale) {
  const feature = output.features[scale - 1];
  const coarser = output.logits[scale + 1];
  if (!coarser) return feature;
  const [, channels, height, width] = feature.dims;
  const [rows, columns] = coarser.dims.slice(2);
  const mask = resampled({ height: rows, width: columns, values: coarser.data.map((value) => 0.5 * (1 + Math.tanh(0.5 * value))) }, width, height);
  return { dims: [1, channels, height, width], data: feature.data.map((value, index) => value * mask[index % mask.length]) };
}

function spatial(map, ratio, attention, scale, across, down) {
  const [, channels, height, width] = map.dims;
  const [rows, columns] = [Math.floor(height / ratio), Math.floor(width / ratio)];
  const length = channels * ratio * ratio;
  const layer = (name) => attention.values.subarray(attention.starts[`${name}${scale}`]);
  const [theta, thetaBias, phi, phiBias] = ["theta", "theta_bias", "phi", "phi_bias"].map(layer);
  /** The function h: a block of ratio x ratio pixels as one token. */
  const token = (row, column) => {
    const values = new Float64Array(length);
    for (let at = 0; at < length; at += 1) {
      const [channel, inner] = [Math.floor(at / (ratio * ratio)), at % (ratio * ratio)];
      const y = row * ratio + Math.floor(inner / ratio);
      values[at] = map.data[(channel * height + y) * width + column * ratio + (inner % ratio)];
    }
    return values;
  };
  const asked = token(Math.floor(down * rows), Math.floor(across * columns));
  // (theta t + b) . (phi u + c) for all tokens u: phi transposed is brought to the token that was asked about.
  const query = new Float64Array(length);
  const against = new Float64Array(length);
  let constant = 0;
  for (let to = 0; to < length; to += 1) {
    let sum = thetaBias[to];
    for (let from = 0; from < length; from += 1) sum += theta[to * length + from] * asked[from];
    query[to] = sum;
    constant += sum * phiBias[to];
  }
  for (let to = 0; to < length; to += 1) for (let from = 0; from < length; from += 1) against[from] += query[to] * phi[to * length + from];
  const logits = new Float64Array(rows * columns);
  for (let index = 0; index < logits.length; index += 1) {
    const values = token(Math.floor(index / columns), index % columns);
    logits[index] = values.reduce((sum, value, at) => sum + value * against[at], constant);
  }
  const highest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  return { width: columns, height: rows, values: Float32Array.from(logits, (value) => Math.exp(value - highest)) };
}

let last = Promise.resolve(); // one at a time: a session does one piece of work after the other

onmessage = ({ data: { call, name, asked } }) => {
  last = last.then(async () => {
    try {
      const answer = await jobs[name](asked, (share) => postMessage({ call, share }));
      postMessage({ call, answer });
    } catch (error) {
      postMessage({ call, failed: error?.message ?? String(error) });
    }
  });
};
