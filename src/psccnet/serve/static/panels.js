// What stands beside the picture: the verdict, other traces, the file's facts, and what can be saved.

import * as results from "./results.js";

const SVG = "http://www.w3.org/2000/svg";
const element = (id) => document.getElementById(id);

/** A new element with attributes and text or children. */
export function createElement(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

function drawScore(result) {
  const svg = element("score");
  svg.replaceChildren();
  const at = (value) => 10 + 380 * value;
  const add = (name, attributes, text = "") => {
    const shape = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    shape.textContent = text;
    svg.append(shape);
  };
  const limit = at(result.threshold);
  const score = at(result.score);
  const within = (x, room) => Math.min(400 - room, Math.max(room, x));
  add("rect", { class: "below", x: 10, y: 22, width: limit - 10, height: 12 });
  add("rect", { class: "above", x: limit, y: 22, width: 390 - limit, height: 12 });
  add("path", { class: "tick", d: `M${limit} 17V39` });
  add("circle", { class: "marker", cx: score, cy: 28, r: 7 });
  add("text", { x: within(score, 50), y: 12, "text-anchor": "middle" }, `score ${result.score.toFixed(3)}`);
  add("text", { x: within(limit, 70), y: 54, "text-anchor": "middle" }, `threshold ${result.threshold.toFixed(3)}`);
  svg.setAttribute("aria-label", `Score ${result.score.toFixed(3)} on a scale from 0 to 1; the threshold is ${result.threshold.toFixed(3)}.`);
}

function findingPart(finding) {
  const part = createElement("div", { class: finding.significant ? "finding significant" : "finding" });
  part.append(createElement("h3", {}, finding.significant ? `${finding.title}: speaks for a manipulation` : finding.title));
  part.append(createElement("p", {}, `${finding.sentence} ${finding.rate}`.trim()));
  if (finding.drawing) {
    const image = createElement("img", { alt: `${finding.title}: ${finding.sentence}`, loading: "lazy" });
    results.drawing(finding).then((blob) => { image.src = URL.createObjectURL(blob); }, () => image.remove());
    part.append(image);
  }
  if (finding.how_to_read) part.append(createElement("p", { class: "soft" }, `How to read it: ${finding.how_to_read}`));
  if (finding.source) part.append(createElement("p", { class: "soft" }, `Source: ${finding.source.replace(/^After /, "")}`));
  return part;
}

/** The class of a verdict's colours. */
export function kindOf(result) {
  return { forged: "forged", suspicious: "suspicious" }[result.words] ?? "nothing";
}

/** Show a result in words. */
export function showResult(name, result) {
  element("name").textContent = name;
  element("verdict-word").textContent = result.words.charAt(0).toUpperCase() + result.words.slice(1);
  document.querySelector(".verdict").className = `verdict ${kindOf(result)}`;
  element("meaning").textContent = result.meaning;
  element("false-alarms").textContent = result.how_sure;
  drawScore(result);
  const evidence = element("panel-evidence");
  evidence.replaceChildren(...result.findings.map(findingPart));
  if (!result.findings.length) evidence.append(createElement("p", { class: "soft" }, results.NO_FINDINGS));
  const facts = [...result.facts, ["looked at", `${result.width} x ${result.height} pixels`], ...result.notes.map((note) => ["note", note]), ["sha256", result.sha256], ["weights", result.model], ["time", `${result.seconds.toFixed(2)} s`]];
  element("facts").replaceChildren(...facts.map(([key, value]) => createElement("tr", {}, createElement("th", { scope: "row" }, key), createElement("td", {}, value))));
  element("limits").replaceChildren(...result.limits.map((limit) => createElement("li", {}, limit)));
}

/** The buttons that save files of a result. */
export function showSaves(name, result, failed) {
  const stem = name.replace(/\.[^.]*$/, "") || "picture";
  element("saves").replaceChildren(...results.saves(result).map(([words, ending, make]) => {
    const button = createElement("button", { type: "button", "data-saves": ending }, words);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const link = createElement("a", { download: `${stem}.${ending}` });
        link.href = URL.createObjectURL(await make());
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      } catch (error) {
        failed(error);
      } finally {
        button.disabled = false;
      }
    });
    return button;
  }));
}

/** Tabs as the ARIA practices have them: arrows change, and only the chosen one is in the tab order. */
export function wireTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of tabs) {
      const is = tab === chosen;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      element(tab.getAttribute("aria-controls")).hidden = !is;
    }
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = tabs[(to + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });
}
