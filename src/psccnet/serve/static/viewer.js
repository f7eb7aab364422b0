// The picture with a map over it: zoom, pan, a cursor, and the region above a level, redrawn at once.

import { colours, resample } from "./colours.js";

const LAYER = 640; // longer side of the map's drawing, pixels
const MOST_ZOOM = 32; // screen pixels a pixel

export class Viewer {
  /** `canvas` shows the picture with the map, `plain` the picture alone beside it; `picked(x, y)` is told of clicks. */
  constructor(canvas, plain, picked) {
    this.canvas = canvas;
    this.plain = plain;
    this.picked = picked;
    this.opacity = 0.75;
    this.level = null;
    this.scale = "viridis";
    this.cursor = null;
    this.layer = document.createElement("canvas");
    this.outline = document.createElement("canvas");
    this.pointers = new Map();
    for (const surface of [canvas, plain]) this.listen(surface);
    new ResizeObserver(() => this.resized()).observe(canvas.parentElement);
  }

  /** Show a picture: an ImageBitmap, at `width` x `height` pixels of its own. */
  show(bitmap, width, height) {
    Object.assign(this, { bitmap, width, height, map: null, cursor: null, marker: null, zoom: null });
    this.fit();
  }

  /** Lay a map over the picture: {width, height, values}, or null; `faint` makes low values transparent. */
  lay(map, faint) {
    this.map = map;
    this.faint = faint;
    this.paint();
  }

  set({ opacity, level, scale }) {
    if (opacity !== undefined) this.opacity = opacity;
    if (level !== undefined) this.level = level;
    if (scale !== undefined) this.scale = scale;
    this.paint();
  }

  /** Draw the map and the outline of its region anew, and count the region. */
  paint() {
    if (!this.bitmap) return;
    if (this.map) {
      const factor = LAYER / Math.max(this.width, this.height);
      const [width, height] = [this.width, this.height].map((side) => Math.max(1, Math.round(side * factor)));
      const values = resample(this.map, width, height);
      this.tint(values, width, height);
      this.region(values, width, height);
    }
    this.draw();
  }

  tint(values, width, height) {
    Object.assign(this.layer, { width, height });
    const table = colours(this.scale);
    const image = new ImageData(width, height);
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      image.data.set(table.subarray(3 * value, 3 * value + 3), 4 * index);
      image.data[4 * index + 3] = this.faint ? 255 * Math.sqrt(value / 255) : 90 + (165 * value) / 255;
    }
    this.layer.getContext("2d").putImageData(image, 0, 0);
  }

  region(values, width, height) {
    Object.assign(this.outline, { width, height });
    this.share = 0;
    if (this.level === null) return;
    const image = new ImageData(width, height);
    const level = 255 * this.level;
    let inside = 0;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const index = y * width + x;
        if (values[index] <= level) continue;
        inside += 1;
        const edge =
          (x > 0 && values[index - 1] <= level) || (x < width - 1 && values[index + 1] <= level) ||
          (y > 0 && values[index - width] <= level) || (y < height - 1 && values[index + width] <= level);
        if (edge) image.data.fill(255, 4 * index, 4 * index + 4);
      }
    }
    this.share = inside / values.length;
    this.outline.getContext("2d").putImageData(image, 0, 0);
  }

  fit() {
    if (!this.bitmap || !this.canvas.clientWidth) return;
    this.zoom = Math.min(this.canvas.clientWidth / this.width, this.canvas.clientHeight / this.height);
    this.centre = [this.width / 2, this.height / 2];
    this.fitted = true;
    this.draw();
  }

  resized() {
    if (this.fitted) this.fit();
    else this.draw();
  }

  /** Zoom by a factor; the point of the picture at (x, y) of the canvas stays where it is. */
  zoomBy(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    if (!this.bitmap) return;
    const before = this.toPicture(x, y);
    const least = Math.min(this.canvas.clientWidth / this.width, this.canvas.clientHeight / this.height) / 2;
    this.zoom = Math.min(MOST_ZOOM, Math.max(least, this.zoom * factor));
    const after = this.toPicture(x, y);
    this.centre = [this.centre[0] + before[0] - after[0], this.centre[1] + before[1] - after[1]];
    this.fitted = false;
    this.draw();
  }

  panBy(x, y) {
    if (!this.bitmap) return;
    this.centre = [
      Math.min(this.width, Math.max(0, this.centre[0] - x / this.zoom)),
      Math.min(this.height, Math.max(0, this.centre[1] - y / this.zoom)),
    ];
    this.fitted = false;
    this.draw();
  }

  toPicture(x, y) {
    return [
      this.centre[0] + (x - this.canvas.clientWidth / 2) / this.zoom,
      this.centre[1] + (y - this.canvas.clientHeight / 2) / this.zoom,
    ];
  }

  /** Move the cursor by whole pixels, or by a twentieth of the picture where pixels are too small to see. */
  move(right, down) {
    const step = this.zoom >= 8 ? 1 : Math.max(1, Math.round(Math.max(this.width, this.height) / 40));
    const [x, y] = this.cursor ?? this.centre.map(Math.floor);
    this.cursor = [
      Math.min(this.width - 1, Math.max(0, x + right * step)),
      Math.min(this.height - 1, Math.max(0, y + down * step)),
    ];
    this.draw();
    return this.cursor;
  }

  draw() {
    if (!this.bitmap || !this.zoom) return;
    this.drawOn(this.canvas, true);
    if (!this.plain.hidden) this.drawOn(this.plain, false);
  }

  drawOn(canvas, withMap) {
    const density = window.devicePixelRatio || 1;
    const [across, down] = [canvas.clientWidth, canvas.clientHeight];
    Object.assign(canvas, { width: Math.round(across * density), height: Math.round(down * density) });
    const context = canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    const left = across / 2 - this.centre[0] * this.zoom;
    const top = down / 2 - this.centre[1] * this.zoom;
    const place = [left, top, this.width * this.zoom, this.height * this.zoom];
    context.imageSmoothingEnabled = this.zoom < 2;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.bitmap, ...place);
    if (withMap && this.map) {
      context.imageSmoothingEnabled = true;
      context.globalAlpha = this.opacity;
      context.drawImage(this.layer, ...place);
      context.globalAlpha = 1;
      if (this.level !== null) context.drawImage(this.outline, ...place);
    }
    for (const [point, colour] of [[this.marker, "#ff4fd8"], [this.cursor, "#ffffff"]]) {
      if (point) this.cross(context, left + (point[0] + 0.5) * this.zoom, top + (point[1] + 0.5) * this.zoom, colour);
    }
  }

  cross(context, x, y, colour) {
    for (const [width, style] of [[5, "#000000"], [2, colour]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.beginPath();
      context.moveTo(x - 9, y);
      context.lineTo(x + 9, y);
      context.moveTo(x, y - 9);
      context.lineTo(x, y + 9);
      context.stroke();
    }
  }

  listen(canvas) {
    let travelled = 0;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      if (this.pointers.size === 1) travelled = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      this.pointers.set(event.pointerId, now);
      travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (others.length) this.pinch(canvas, before, now, others[0]);
      else if (travelled > 4) this.panBy(now[0] - before[0], now[1] - before[1]);
    });
    const up = (event) => {
      const wasAlone = this.pointers.size === 1;
      if (!this.pointers.delete(event.pointerId) || !wasAlone || travelled > 4 || event.type === "pointercancel") return;
      const [x, y] = this.toPicture(event.offsetX, event.offsetY).map(Math.floor);
      if (this.bitmap && x >= 0 && y >= 0 && x < this.width && y < this.height) this.picked(x, y);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
  }

  pinch(canvas, before, now, other) {
    const box = canvas.getBoundingClientRect();
    const [was, is] = [before, now].map((at) => Math.hypot(at[0] - other[0], at[1] - other[1]));
    if (was > 0) this.zoomBy(is / was, (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top);
  }
}
