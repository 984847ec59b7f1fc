// The picture: drawing, zooming, and finding the masks under the pointer.
import { contains, outline } from "./rle.js";
import { changed, colourOf, on, select, state } from "./state.js";

const SHARPEN_MS = 120, STEPS = 16; // of the width of an enlarged picture

export class Picture {
  constructor(canvas, frames, { tool = null, isMain = true } = {}) {
    this.canvas = canvas;
    this.frames = frames;
    this.tool = tool;
    this.isMain = isMain;
    this.shown = null; // {frame, picture, masks}
    this.overlay = null;
    this.view = { x: 0, y: 0, scale: 1, fits: true };
    this.marked = new Set(); // tracks that differ from the other store
    this.pointer = null;
    this.stack = []; // rows under the pointer, the smallest first
    this.level = 0;
    this.paths = new Map();
    this.listen();
    on("frame look masks", () => this.load());
    on("selected hovered tool", () => this.draw());
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  /** Show the present frame; `loading` ends when it is shown. */
  load() { return (this.loading = this.shownNow()); }

  async shownNow() {
    const frame = state.frame;
    const request = (this.request = {});
    if (this.isMain) state.isLoading = true;
    this.onwait?.(`Loading frame ${frame} …`);
    try {
      this.frames.stop();
      this.frames.width = this.width();
      const [shown, overlay] = await Promise.all([this.frames.get(frame), this.frames.overlay(frame)]);
      if (request !== this.request) return;
      const before = this.shown;
      this.shown = shown;
      this.overlay = overlay;
      if (before?.frame === frame && before.picture !== shown.picture) before.picture.close(); // it had fewer pixels
      this.frames.drawn = frame;
      this.paths.clear();
      this.find();
      this.paint();
      this.loadedAt = performance.now();
      this.onload?.(frame);
    } catch (error) {
      if (request === this.request) this.onerror?.(error);
    } finally {
      if (this.isMain && request === this.request) state.isLoading = false;
      if (request === this.request) this.onwait?.("");
    }
  }

  resize() {
    const ratio = window.devicePixelRatio || 1, { clientWidth, clientHeight } = this.canvas.parentElement;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    if (this.view.fits) this.fit();
    this.paint();
    this.sharpen();
  }

  /** The pixels of a row that the picture needs as it is shown. */
  width() {
    const { width } = state.facts, { scale, fits } = this.view;
    const wanted = fits ? Math.round(width * scale) : Math.ceil((width * Math.ceil(STEPS * scale)) / STEPS);
    return Math.max(1, Math.min(width, wanted));
  }

  /** Show more detail, a moment after the picture was enlarged. */
  sharpen() {
    clearTimeout(this.sharpening);
    if (this.shown && this.width() > this.frames.width) this.sharpening = setTimeout(() => this.load(), SHARPEN_MS);
  }

  fit() {
    if (!state.facts) return;
    const { width, height } = state.facts, margin = 16 * (window.devicePixelRatio || 1);
    const most = Math.min((this.canvas.width - margin) / width, (this.canvas.height - margin) / height);
    const scale = Math.max(1, Math.floor(most * width)) / width; // whole pixels, so that nothing is scaled to draw it
    const middle = (room, side) => Math.round((room - side * scale) / 2);
    this.view = { scale, fits: true, x: middle(this.canvas.width, width), y: middle(this.canvas.height, height) };
    this.draw();
  }

  zoom(factor, at = [this.canvas.width / 2, this.canvas.height / 2]) {
    const scale = Math.max(0.05, Math.min(60, this.view.scale * factor)), by = scale / this.view.scale;
    this.view = { scale, fits: false, x: at[0] - (at[0] - this.view.x) * by, y: at[1] - (at[1] - this.view.y) * by };
    this.draw();
    this.sharpen();
  }

  pan(x, y) {
    this.view = { ...this.view, fits: false, x: this.view.x + x, y: this.view.y + y };
    this.draw();
  }

  /** Draw at the next refresh of the screen. */
  draw() {
    if (!this.pending) this.pending = requestAnimationFrame(() => this.paint());
  }

  paint() {
    if (this.pending) cancelAnimationFrame(this.pending);
    this.pending = 0;
    const context = this.canvas.getContext("2d"), { scale, x, y } = this.view;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.shown) return;
    context.drawImage(this.ground(), 0, 0);
    context.setTransform(scale, 0, 0, scale, x, y);
    if (this.isMain && state.hovered >= 0 && !state.tool) this.stroke(context, state.hovered, { colour: colourOf(state.hovered), width: 2, casing: true });
    this.tool?.paint(context, scale);
    this.onpaint?.();
  }

  /** The frame with its masks and the outlines of what is selected; kept while the pointer moves. */
  ground() {
    const { width, height } = this.canvas, selected = this.isMain ? state.selected : []; // a second store has other numbers
    const opacity = state.tool ? state.opacity * 0.25 : state.opacity;
    const wanted = [this.shown, this.overlay, this.view, this.marked, state.selected, opacity, width, height];
    if (this.drawn && wanted.every((one, at) => one === this.drawn.of[at])) return this.drawn.canvas;
    const canvas = this.drawn?.canvas ?? new OffscreenCanvas(width, height), { scale, x, y } = this.view;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = scale < 3;
    this.stretch(context, this.shown.picture);
    context.globalAlpha = opacity;
    this.stretch(context, this.overlay);
    context.globalAlpha = 1;
    context.setTransform(scale, 0, 0, scale, x, y);
    for (const track of this.marked) this.stroke(context, track, { colour: "#ffffff", width: 1.5, dash: [5, 4] });
    for (const track of selected) this.stroke(context, track, { colour: "#ffffff", width: 2.5, casing: true });
    this.drawn = { canvas, of: wanted };
    return canvas;
  }

  /** Draw a bitmap over the whole picture, pixel by pixel where it has as many as the screen. */
  stretch(context, bitmap) {
    const { width, height } = state.facts, { scale, x, y } = this.view, isSame = bitmap.width === Math.round(width * scale);
    if (isSame) context.setTransform(1, 0, 0, 1, Math.round(x), Math.round(y));
    else context.setTransform((scale * width) / bitmap.width, 0, 0, (scale * height) / bitmap.height, x, y);
    context.drawImage(bitmap, 0, 0);
  }

  stroke(context, track, { colour, width, dash = [], casing = false }) {
    const path = this.pathOf(track);
    if (!path) return;
    const ratio = (window.devicePixelRatio || 1) / this.view.scale;
    context.lineJoin = "round";
    context.setLineDash(dash.map((length) => length * ratio));
    if (casing) {
      context.strokeStyle = "rgb(12 14 18 / .75)";
      context.lineWidth = (width + 2.5) * ratio;
      context.stroke(path);
    }
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    context.stroke(path);
    context.setLineDash([]);
  }

  pathOf(track) {
    if (!this.shown) return null;
    if (!this.paths.has(track)) {
      const row = this.shown.masks.track.indexOf(track);
      this.paths.set(track, row < 0 ? null : outline(this.shown.masks.ends[row], state.facts.height));
    }
    return this.paths.get(track);
  }

  /** Pixels of the picture at a place of the window. */
  place(event) {
    const box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    return [((event.clientX - box.left) * ratio - this.view.x) / this.view.scale,
      ((event.clientY - box.top) * ratio - this.view.y) / this.view.scale];
  }

  /** The rows of all masks under a pixel, the smallest first. */
  rowsAt(x, y) {
    const { masks } = this.shown ?? {};
    if (!masks || x < 0 || y < 0 || x >= state.facts.width || y >= state.facts.height) return [];
    const column = Math.floor(x), line = Math.floor(y), pixel = column * state.facts.height + line, rows = [];
    for (let place = masks.order.length - 1; place >= 0; place--) {
      const row = masks.order[place];
      if (column >= masks.left[row] && column < masks.left[row] + masks.width[row] && line >= masks.top[row]
        && line < masks.top[row] + masks.height[row] && contains(masks.ends[row], pixel)) rows.push(row);
    }
    return rows;
  }

  find() {
    const began = performance.now();
    const before = this.stack[this.level];
    this.stack = this.pointer ? this.rowsAt(...this.pointer).map((row) => this.shown.masks.track[row]) : [];
    const kept = this.level > 0 ? this.stack.indexOf(before) : 0;
    this.level = Math.max(0, kept);
    this.hover();
    this.findTook = performance.now() - began;
  }

  /** Go to the next coarser (1) or finer (-1) mask under the pointer. */
  step(by) {
    if (!this.stack.length) return;
    this.level = Math.max(0, Math.min(this.stack.length - 1, this.level + by));
    this.hover();
  }

  hover() {
    const track = this.stack[this.level] ?? -1;
    state.stack = { tracks: this.stack, level: this.level };
    state.hovered = track;
    changed("hovered");
  }

  listen() {
    const { canvas } = this;
    let drag = null;
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = this.place(event);
      if (drag && this.tool?.active()) this.tool.drag(this.pointer, event);
      else if (drag) {
        const ratio = window.devicePixelRatio || 1;
        drag.moved += Math.abs(event.movementX) + Math.abs(event.movementY);
        if (drag.moved > 4) this.pan(event.movementX * ratio, event.movementY * ratio);
      } else if (this.shown) this.find();
      if (this.tool?.active()) this.draw();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      if (this.shown) this.find();
      this.draw();
    });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      drag = { moved: 0 };
      this.pointer = this.place(event);
      if (this.tool?.active()) this.tool.down(this.pointer, event);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag && this.tool?.active()) this.tool.up(this.place(event), event);
      else if (drag && drag.moved <= 4) this.click(event);
      drag = null;
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => !this.tool?.active() && this.fit());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey) return this.step(event.deltaY < 0 ? 1 : -1);
      const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
      const at = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
      return this.zoom(Math.exp(-event.deltaY / 400), at);
    }, { passive: false });
  }

  click(event) {
    this.pointer = this.place(event);
    this.find();
    const track = this.stack[this.level];
    if (track !== undefined) select([track], { add: event.shiftKey || event.ctrlKey || event.metaKey });
    else if (!event.shiftKey) select([]);
  }
}
