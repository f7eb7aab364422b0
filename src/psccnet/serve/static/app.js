// The page: wires the queue, the viewer and the panels together.

import { drawRamp } from "./colours.js";
import { createElement, showResult, showSaves, wireTabs } from "./panels.js";
import { Queue } from "./queue.js";
import * as results from "./results.js";
import { Viewer } from "./viewer.js";

const element = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;
const FRAME = 900; // milliseconds that each mask is shown

const viewer = new Viewer(element("canvas"), element("plain"), pick);
const queue = new Queue(open, () => ({
  exit_scale: element("wanted-exit").value,
  evidence: element("wanted-evidence").checked,
  ...(element("wanted-threshold").value ? { threshold: element("wanted-threshold").value } : {}),
}));
let item = null; // the one that is shown
let asking = null; // aborts the question for related places
let playing = null;

function fail(error) {
  element("message").textContent = error?.message ?? "";
}

async function open(opened) {
  stop();
  item = opened;
  fail(null);
  element("main").hidden = opened.state !== "done";
  if (opened.state === "failed") return fail(new Error(opened.error));
  if (opened.state !== "done") return;
  try {
    await show(opened);
  } catch (error) {
    fail(error);
  }
}

async function show(opened) {
  const result = opened.result;
  showResult(opened.name, result);
  showSaves(opened.name, result, fail);
  const wanted = results.scales(result);
  opened.masks ??= Object.fromEntries(await Promise.all(wanted.map(async (scale) => [scale, await results.mask(result, scale)])));
  if (!opened.fits) {
    // What the browser cannot read, or turns otherwise, comes from where the result does.
    const own = opened.bitmap;
    if (!own || own.width !== result.width || own.height !== result.height) opened.bitmap = await results.picture(result);
    opened.fits = true;
  }
  if (item !== opened) return;
  element("main").hidden = false;
  sizeStage();
  viewer.show(opened.bitmap, result.width, result.height);
  opened.first = wanted.at(-1) === 0 ? 0 : result.exit_scale;
  offerMasks(wanted, opened.first);
  for (const option of element("scale").options) option.disabled = !result.explained.includes(Number(option.value));
  document.querySelector("input[name=mode][value=response]").disabled = !result.explained.length;
  document.querySelector("input[name=mode][value=mask]").checked = true;
  element("level").value = result.level ?? 1; // nothing is outlined where no region stands out
  modeChanged();
}

function offerMasks(scales, finest) {
  const labels = scales.map((scale) => {
    const radio = createElement("input", { type: "radio", name: "mask", value: scale });
    radio.checked = scale === finest;
    radio.addEventListener("change", () => { stop(); showMask(); });
    return createElement("label", {}, radio, scale ? ` ${scale}` : " with other traces");
  });
  element("mask-choice").replaceChildren(element("mask-choice").querySelector("legend"), ...labels);
}

function showMask() {
  const scale = Number(chosen("mask"));
  viewer.marker = null;
  viewer.scale = "viridis";
  viewer.level = Number(element("level").value);
  viewer.lay(item?.masks?.[scale] ?? null, true);
  drawRamp(element("ramp"), "viridis");
  sayLevel();
}

function legend(low, high, words) {
  element("legend-low").textContent = low;
  element("legend-high").textContent = high;
  element("legend-words").textContent = words;
}

/** Make the stage as high as the picture wants, within the window. */
function sizeStage() {
  if (!item?.result) return;
  const stage = element("stage");
  const across = stage.clientWidth / (element("side").checked ? 2 : 1);
  const height = Math.min((across * item.result.height) / item.result.width, 0.72 * window.innerHeight);
  stage.style.height = `${Math.max(220, Math.round(height))}px`;
}

function sayLevel() {
  element("level-value").textContent = Number(element("level").value).toFixed(2);
  element("opacity-value").textContent = `${Math.round(100 * viewer.opacity)} %`;
  if (chosen("mode") !== "mask") return;
  // The server counts whole pixels, the viewer those of its drawing.
  const result = item?.result;
  const asJudged = result && result.level !== null && Math.abs(viewer.level - result.level) < 0.006 && Number(chosen("mask")) === item.first;
  const share = asJudged ? result.marked_fraction : viewer.share;
  legend("0 untouched", "1 forged", `The white line encloses ${(100 * share).toFixed(1)} % of the picture.`);
}

function modeChanged() {
  const mode = chosen("mode");
  stop();
  for (const part of document.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== mode;
  element("at").textContent = "";
  if (mode === "mask") return showMask();
  viewer.level = null;
  viewer.lay(null, false);
  drawRamp(element("ramp"), element("colours").value);
  legend("0 not related", "1 the most related place", "");
}

async function pick(x, y) {
  viewer.cursor = [x, y];
  if (!item?.result?.explained.length) return fail(new Error("These weights have no such responses."));
  if (chosen("mode") !== "response") {
    document.querySelector("input[name=mode][value=response]").checked = true;
    modeChanged();
  }
  asking?.abort();
  asking = new AbortController();
  const scale = Number(element("scale").value);
  element("at").textContent = `Pixel ${x}, ${y}: asking…`;
  try {
    const map = await results.response(item.result, scale, x, y, asking.signal);
    viewer.marker = [x, y];
    viewer.cursor = null;
    viewer.scale = element("colours").value;
    viewer.level = null;
    viewer.lay(map, false);
    element("at").textContent = `Pixel ${x}, ${y}: the places that scale ${scale} relates it to, ${map.width} x ${map.height} of them.`;
    fail(null);
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  }
}

function again() {
  drawRamp(element("ramp"), element("colours").value);
  if (viewer.marker) pick(...viewer.marker);
}

function play() {
  if (playing) return stop();
  const radios = [...document.querySelectorAll("input[name=mask]")];
  if (!radios.length) return;
  let at = -1;
  const step = () => {
    at += 1;
    if (at === radios.length) return stop();
    radios[at].checked = true;
    showMask();
    playing = setTimeout(step, FRAME);
  };
  element("play").setAttribute("aria-pressed", "true");
  element("play").textContent = "Stop";
  step();
}

function stop() {
  clearTimeout(playing);
  playing = null;
  element("play").setAttribute("aria-pressed", "false");
  element("play").textContent = "Play coarse to fine";
}

function bring(files) {
  const pictures = [...files];
  if (pictures.length) queue.add(pictures);
}

function wireBringing() {
  const drop = element("drop");
  element("files").addEventListener("change", (event) => { bring(event.target.files); event.target.value = ""; });
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); bring(event.dataTransfer.files); });
  document.addEventListener("paste", (event) => bring(event.clipboardData.files));
}

function wireControls() {
  for (const radio of document.querySelectorAll("input[name=mode]")) radio.addEventListener("change", modeChanged);
  element("opacity").addEventListener("input", (event) => { viewer.set({ opacity: Number(event.target.value) }); sayLevel(); });
  element("level").addEventListener("input", (event) => { viewer.set({ level: Number(event.target.value) }); sayLevel(); });
  element("side").addEventListener("change", (event) => {
    element("plain").hidden = !event.target.checked;
    sizeStage();
    viewer.fit();
  });
  element("in").addEventListener("click", () => viewer.zoomBy(1.5));
  element("out").addEventListener("click", () => viewer.zoomBy(1 / 1.5));
  element("fit").addEventListener("click", () => viewer.fit());
  element("pixels").addEventListener("click", () => viewer.zoomBy(1 / viewer.zoom));
  element("play").addEventListener("click", play);
  element("scale").addEventListener("change", again);
  element("colours").addEventListener("change", again);
  element("delete").addEventListener("click", async () => {
    try {
      await results.remove(item.result);
      if (!queue.drop(item)) element("main").hidden = true;
    } catch (error) {
      fail(error);
    }
  });
}

function wireKeys() {
  element("canvas").addEventListener("keydown", (event) => {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrows && event.shiftKey) viewer.panBy(-60 * arrows[0], -60 * arrows[1]);
    else if (arrows) element("at").textContent = `Cursor at ${viewer.move(...arrows).join(", ")}; Enter asks.`;
    else if (event.key === "+" || event.key === "=") viewer.zoomBy(1.5);
    else if (event.key === "-") viewer.zoomBy(1 / 1.5);
    else if (event.key === "0") viewer.fit();
    else if (event.key === "Enter" && viewer.cursor) pick(...viewer.cursor);
    else if (event.key === "Escape") { document.querySelector("input[name=mode][value=mask]").checked = true; viewer.cursor = null; modeChanged(); }
    else return;
    event.preventDefault();
  });
}

results.onKeyWanted(() => new Promise((resolve) => {
  const dialog = element("key-dialog");
  dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok" ? element("key").value : null), { once: true });
  dialog.showModal();
}));
window.addEventListener("resize", sizeStage);
wireTabs();
wireBringing();
wireControls();
wireKeys();
document.documentElement.dataset.ready = "";
bring(element("files").files); // chosen before the page was ready
