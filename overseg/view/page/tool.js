// Correcting the mask of a track on a frame, or drawing a new one: clicks and a box through SAM, brush and eraser.
import { post } from "./api.js";
import { decode, encode, fromPixels, outline, toPixels } from "./rle.js";
import { changed, colourOf, hurry, on, state } from "./state.js";

export class Tool {
  constructor(picture, edit, tell) {
    this.picture = picture;
    this.edit = edit;
    this.tell = tell;
    on("frame", () => state.tool && this.cancel());
  }

  active() { return state.tool !== null && state.tool.frame === this.picture.shown?.frame; }

  /** Begin: `track` is corrected; a new one is made for -1. */
  begin(track, way) {
    if (!this.picture.shown) return;
    const { masks } = this.picture.shown, { width, height } = state.facts;
    const row = masks.track.indexOf(track);
    const ends = row < 0 ? Uint32Array.of(width * height) : masks.ends[row];
    state.tool = { track, frame: state.frame, way, ends, first: ends, pixels: null, clicks: [], box: null, radius: Math.max(4, Math.round(height / 50)),
      how: "drawn", drag: null, asked: 0, canPrompt: !state.whyGrey };
    if (way === "click" && !state.whyGrey) {
      this.tell("Preparing the picture for clicks …");
      post("api/prepare", { frame: state.frame }).then(() => this.tell("Click on the object. Alt or the right button: not this. Drag a box around it.")).catch((error) => this.tell(error.message));
    }
    changed("tool");
  }

  use(way) {
    if (!state.tool) return;
    state.tool.way = way;
    changed("tool");
  }

  size(by) {
    if (state.tool) state.tool.radius = Math.max(1, Math.min(400, Math.round(state.tool.radius * by)));
    changed("tool");
  }

  cancel() {
    state.tool = null;
    changed("tool");
  }

  async keep() {
    const { tool } = state;
    if (!tool) return;
    this.settle();
    const isEmpty = tool.ends.length <= 1;
    if (tool.track < 0 && isEmpty) return void this.tell("There is no mask yet.");
    const masks = [[tool.frame, isEmpty ? "" : encode(tool.ends)]];
    state.tool = null;
    changed("tool");
    if (tool.track < 0) await this.edit({ do: "new", masks, how: tool.how }, "A new track");
    else await this.edit({ do: "correct", tracks: [tool.track], masks, how: tool.how }, "Corrected");
  }

  down([x, y], event) {
    const { tool } = state;
    tool.drag = { from: [x, y], to: [x, y], erases: tool.way === "erase" || event.button === 2 || event.altKey };
    if (tool.way !== "click") this.stroke([x, y], [x, y]);
  }

  drag([x, y]) {
    const { tool } = state;
    if (!tool?.drag) return;
    if (tool.way !== "click") this.stroke(tool.drag.to, [x, y]);
    tool.drag.to = [x, y];
    this.picture.draw();
  }

  up([x, y]) {
    const { tool } = state;
    if (!tool?.drag) return;
    const { from, erases } = tool.drag;
    tool.drag = null;
    if (tool.way !== "click") return void this.settle();
    const isBox = Math.hypot(x - from[0], y - from[1]) * this.picture.view.scale > 8;
    const inside = (value, most) => Math.max(0, Math.min(most, value));
    const { width, height } = state.facts;
    if (isBox) {
      tool.box = [inside(Math.min(from[0], x), width), inside(Math.min(from[1], y), height), inside(Math.max(from[0], x), width), inside(Math.max(from[1], y), height)];
      tool.clicks = [];
    } else if (x >= 0 && y >= 0 && x < width && y < height) tool.clicks.push([x, y, erases ? 0 : 1]);
    this.ask();
  }

  async ask() {
    const { tool } = state, asked = ++tool.asked, began = performance.now();
    if (!tool.clicks.length && !tool.box) return;
    hurry();
    try {
      const found = await post("api/prompt", { frame: tool.frame, points: tool.clicks, box: tool.box });
      if (tool !== state.tool || asked !== tool.asked) return;
      tool.ends = decode(new TextEncoder().encode(found.counts));
      tool.pixels = null;
      tool.how = "prompted";
      this.answeredIn = performance.now() - began;
      this.nAnswers = (this.nAnswers ?? 0) + 1;
      this.tell(`predicted IoU ${found.score.toFixed(2)}. Enter keeps it, Esc leaves it as it was.`);
      changed("tool");
    } catch (error) {
      this.tell(error.message);
    }
  }

  /** Paint discs along a line. */
  stroke([x1, y1], [x2, y2]) {
    const { tool } = state, { width, height } = state.facts;
    tool.pixels ??= toPixels(tool.ends, width * height);
    const n = Math.max(1, Math.ceil(Math.hypot(x2 - x1, y2 - y1) / Math.max(1, tool.radius / 2)));
    for (let step = 0; step <= n; step++) {
      const x = x1 + ((x2 - x1) * step) / n, y = y1 + ((y2 - y1) * step) / n, radius = tool.radius;
      for (let column = Math.max(0, Math.ceil(x - radius)); column <= Math.min(width - 1, x + radius); column++) {
        const half = Math.sqrt(radius * radius - (column - x) ** 2);
        const top = Math.max(0, Math.round(y - half)), bottom = Math.min(height, Math.round(y + half));
        if (bottom > top) tool.pixels.fill(tool.drag?.erases ? 0 : 1, column * height + top, column * height + bottom);
      }
    }
    tool.how = "drawn";
    this.picture.draw();
    tool.isPainted = true;
  }

  /** Take the painted pixels over. */
  settle() {
    const { tool } = state;
    if (!tool?.pixels || !tool.isPainted) return;
    tool.ends = fromPixels(tool.pixels);
    tool.isPainted = false;
    changed("tool");
  }

  paint(context, scale) {
    const { tool } = state;
    if (!this.active()) return;
    if (tool.isPainted) {
      const now = fromPixels(tool.pixels);
      tool.path = outline(now, state.facts.height);
      tool.pathOf = null;
    } else if (tool.pathOf !== tool.ends) {
      tool.path = outline(tool.ends, state.facts.height);
      tool.pathOf = tool.ends;
    }
    context.lineJoin = "round";
    const ratio = (window.devicePixelRatio || 1) / scale, colour = tool.track < 0 ? "#5ac878" : colourOf(tool.track);
    for (const [style, line] of [["rgb(12 14 18 / .8)", 5], ["#ffffff", 3.4], [colour, 2]]) {
      context.strokeStyle = style;
      context.lineWidth = line * ratio;
      context.stroke(tool.path);
    }
    for (const [x, y, label] of tool.clicks) this.cross(context, x, y, label, ratio);
    const box = tool.drag && tool.way === "click" ? [...tool.drag.from, ...tool.drag.to] : tool.box;
    if (box) {
      context.setLineDash([6 * ratio, 4 * ratio]);
      context.strokeStyle = "#ffffff";
      context.lineWidth = 1.5 * ratio;
      context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
      context.setLineDash([]);
    }
    if (tool.way !== "click" && this.picture.pointer) {
      context.beginPath();
      context.arc(...this.picture.pointer, tool.radius, 0, 7);
      context.strokeStyle = "#ffffff";
      context.lineWidth = 1.5 * ratio;
      context.stroke();
    }
  }

  /** A plus on the object, a minus beside it. */
  cross(context, x, y, label, ratio) {
    context.beginPath();
    context.arc(x, y, 7 * ratio, 0, 7);
    context.fillStyle = label ? "#1d8f4e" : "#b3261e";
    context.fill();
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1.8 * ratio;
    context.stroke();
    context.beginPath();
    context.moveTo(x - 3.5 * ratio, y);
    context.lineTo(x + 3.5 * ratio, y);
    if (label) {
      context.moveTo(x, y - 3.5 * ratio);
      context.lineTo(x, y + 3.5 * ratio);
    }
    context.stroke();
  }
}

