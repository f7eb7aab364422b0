// Where results come from on the page of psccnet serve: its API. browser.js has the same functions. Errors are Error objects whose message is the server's sentence.

const KEY = "psccnet-key";
let askForKey = async () => null;

/** What asks the user for the key, where the server wants one: an async function that gives it, or null. */
export function onKeyWanted(ask) {
  askForKey = ask;
}

async function call(path, options = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...(options.headers ?? {}), ...(key ? { "X-API-Key": key } : {}) };
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer. Is psccnet serve still running?");
    }
    if (answer.ok) return answer;
    if (answer.status === 401 && attempt < 5) {
      const given = await askForKey();
      if (given === null) throw new Error("Without its key, the server does nothing.");
      sessionStorage.setItem(KEY, given);
      continue;
    }
    if (answer.status === 429 && attempt < 60) {
      const seconds = Number(answer.headers.get("Retry-After")) || 2;
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      continue;
    }
    const answered = await answer.json().catch(() => null);
    throw new Error(answered?.detail ?? `The server answered ${answer.status}.`);
  }
}

/** Look at a file; `choices` are exit_scale, evidence and threshold. */
export async function detect(file, choices) {
  const form = new FormData();
  form.append("picture", file, file.name || "pasted picture");
  for (const [name, value] of Object.entries(choices)) form.append(name, value);
  return (await call("/v1/detect", { method: "POST", body: form })).json();
}

/** The mask of a scale: {width, height, values}, 0..255. */
export async function mask(result, scale) {
  const answered = await (await call(result.links[`mask${scale}`])).json();
  const values = Uint8ClampedArray.from(atob(answered.values), (letter) => letter.charCodeAt(0));
  return { width: answered.width, height: answered.height, values };
}

/** Which places a pixel is related to: {width, height, values}, 0..255. */
export async function response(result, scale, x, y, signal) {
  const answered = await (await call(`${result.links.response}?x=${x}&y=${y}&scale=${scale}`, { signal })).json();
  const values = Uint8ClampedArray.from(answered.values.flat(), (value) => Math.round(255 * value));
  return { width: answered.columns, height: answered.rows, values };
}

/** A file of the result as a Blob. */
const file = async (path) => (await call(path)).blob();

/** What stands where the other traces would be, where none were looked for. */
export const NO_FINDINGS = "No other traces were looked at for this picture.";

/** The masks that there are, coarse to fine; the last, 0, where there is one, has the other traces laid over it. */
export function scales(result) {
  const names = Object.keys(result.links).filter((name) => /^mask\d$/.test(name));
  return names.map((name) => Number(name.at(-1))).sort().reverse();
}

/** The picture as an ImageBitmap, upright: for files that the browser cannot read, or turns otherwise. */
export const picture = async (result) => createImageBitmap(await file(result.links.picture));

/** The drawing of a finding as a Blob. */
export const drawing = (finding) => file(finding.drawing);

/** What can be saved: words, ending of the file's name, and what fetches it. */
export const saves = ({ id, links }) => [
  ["Report (HTML)", "report.html", () => file(links.report)],
  ["Report (PDF)", "report.pdf", () => file(links.paper)],
  ["Overlay", "overlay.png", () => file(links.overlay)],
  ["Mask in colours", "mask.png", () => file(links.mask)],
  ["Mask, values in 16 bits", "mask16.png", () => file(links.mask16)],
  ["Masks of all scales", "masks.png", () => file(links.masks)],
  ["JSON", "result.json", () => file(`/v1/results/${id}`)],
];

/** Delete a result and its picture. */
export async function remove(result) {
  await call(`/v1/results/${result.id}`, { method: "DELETE" });
}
