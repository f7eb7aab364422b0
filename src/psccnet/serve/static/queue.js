// Pictures in the order in which they were brought, looked at one after the other.

import { kindOf, createElement } from "./panels.js";
import * as results from "./results.js";

const element = (id) => document.getElementById(id);

export class Queue {
  /** `open(item)` shows one; `choices()` gives what the user chose. */
  constructor(open, choices) {
    this.items = [];
    this.open = open;
    this.choices = choices;
    this.current = null;
    this.running = false;
  }

  add(files) {
    for (const file of files) {
      const item = { file, name: file.name || "pasted picture", state: "waiting", choices: this.choices() };
      this.items.push(item);
      this.entry(item);
      createImageBitmap(file).then((bitmap) => { item.bitmap = bitmap; this.thumbnail(item); }, () => {});
    }
    element("queue-part").hidden = false;
    this.say();
    this.run();
  }

  entry(item) {
    item.label = createElement("span", { class: "state" }, "waiting");
    item.blank = createElement("span", { class: "blank" });
    item.button = createElement("button", { type: "button" }, item.blank, createElement("span", { class: "label" }, item.name), item.label);
    item.button.addEventListener("click", () => this.choose(item));
    item.row = createElement("li", {}, item.button);
    element("queue").append(item.row);
  }

  thumbnail(item) {
    const side = 96;
    const canvas = createElement("canvas");
    const factor = side / Math.min(item.bitmap.width, item.bitmap.height);
    Object.assign(canvas, { width: side, height: side });
    const [width, height] = [item.bitmap.width * factor, item.bitmap.height * factor];
    canvas.getContext("2d").drawImage(item.bitmap, (side - width) / 2, (side - height) / 2, width, height);
    const image = createElement("img", { alt: "" });
    image.src = canvas.toDataURL("image/jpeg", 0.8);
    item.blank.replaceWith(image);
    item.blank = image;
  }

  async run() {
    if (this.running) return;
    this.running = true;
    for (let item; (item = this.items.find((item) => item.state === "waiting")); ) {
      this.mark(item, "working", "looking…");
      try {
        item.result = await results.detect(item.file, item.choices, (share) => { item.label.textContent = `looking… ${Math.round(100 * share)} %`; });
        this.mark(item, "done", item.result.words, kindOf(item.result));
      } catch (error) {
        item.error = error.message;
        this.mark(item, "failed", "cannot be looked at");
      }
      if (!this.current || this.current === item) await this.choose(item);
    }
    this.running = false;
  }

  mark(item, state, words, kind = "") {
    item.state = state;
    item.label.textContent = words;
    item.label.className = `state ${kind}`;
    this.say();
  }

  say() {
    const done = this.items.filter((item) => item.state === "done" || item.state === "failed").length;
    const bar = element("bar");
    Object.assign(bar, { max: Math.max(1, this.items.length), value: done });
    element("progress").textContent = `${done} of ${this.items.length} ${this.items.length === 1 ? "picture" : "pictures"} done`;
  }

  async choose(item) {
    this.current = item;
    for (const other of this.items) other.button.setAttribute("aria-current", String(other === item));
    await this.open(item);
  }

  drop(item) {
    this.items = this.items.filter((other) => other !== item);
    item.row.remove();
    this.current = null;
    this.say();
    const next = this.items.find((item) => item.state === "done");
    if (next) this.choose(next);
    return Boolean(next);
  }
}
