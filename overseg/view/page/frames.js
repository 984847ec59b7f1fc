// Frames with their masks: fetched, decoded in a worker, kept for a while, and fetched ahead.
import { getBytes, getPicture } from "./api.js";
import { state } from "./state.js";

const MOST_KEPT = 24, AHEAD = 4;
const DEPTHS = [[255, 200, 87], [233, 114, 76], [197, 40, 61], [110, 48, 130], [37, 95, 133], [60, 160, 140]];
export const SOURCES = [["keyframe", [255, 200, 87]], ["forward", [86, 160, 230]], ["backward", [200, 120, 200]],
  ["edit", [90, 200, 120]]];

export class Frames {
  constructor(store) {
    this.store = store;
    this.kept = new Map(); // frame -> promise of {picture, masks}
    this.painted = new Map(); // key -> promise of a bitmap
    this.worker = new Worker("worker.js", { type: "module" });
    this.waiting = new Map();
    this.nextId = 0;
    this.revision = 0;
    this.drawn = -1; // the frame that the picture still draws while it waits for another one
    this.worker.onmessage = ({ data }) => {
      this.waiting.get(data.id)(data);
      this.waiting.delete(data.id);
    };
  }

  get(frame) {
    if (!this.kept.has(frame)) this.kept.set(frame, this.load(frame));
    const found = this.kept.get(frame);
    this.kept.delete(frame);
    this.kept.set(frame, found); // the latest is last
    this.trim();
    return found;
  }

  /** The painted masks of a frame in the present colours. */
  async overlay(frame) {
    const key = `${frame} ${state.colour} ${this.revision}`;
    if (!this.painted.has(key)) {
      this.painted.set(key, this.get(frame).then(({ masks }) => this.ask({ paint: true, masks,
        size: [state.facts.width, state.facts.height], colours: this.coloursOf(masks) })).then(({ overlay }) => overlay));
    }
    return this.painted.get(key);
  }

  ahead(frame, step = 1) {
    for (let n = 1; n <= AHEAD; n++) {
      const next = frame + n * step;
      if (next >= 0 && next < state.facts.frames && !this.kept.has(next)) this.get(next).then(() => this.overlay(next)).catch(() => {});
    }
  }

  /** Forget masks after an edit; pictures stay in the browser's memory only as long as they are shown. */
  async forget(keepPicture) {
    const before = keepPicture === undefined ? null : await this.kept.get(keepPicture)?.catch(() => null);
    this.revision++;
    for (const [frame] of this.kept) if (!before || frame !== keepPicture) this.drop(frame);
    this.clearPainted(() => true);
    if (before) this.kept.set(keepPicture, this.load(keepPicture, before.picture));
  }

  async load(frame, known) {
    try {
      const [picture, masks] = await Promise.all([
        known ?? getPicture(`api/picture/${frame}?store=${this.store}`),
        getBytes(`api/masks/${frame}?store=${this.store}`).then((buffer) => this.ask({ buffer }, [buffer])).then((found) => found.masks),
      ]);
      return { frame, picture, masks };
    } catch (error) {
      this.kept.delete(frame);
      throw error;
    }
  }

  ask(message, transferred = []) {
    const id = this.nextId++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.worker.postMessage({ id, ...message }, transferred);
    });
  }

  coloursOf(masks) {
    const colours = new Uint8Array(3 * masks.n);
    for (let row = 0; row < masks.n; row++) colours.set(this.colourOf(masks, row), 3 * row);
    return colours;
  }

  colourOf(masks, row) {
    if (state.colour === "depth") return DEPTHS[Math.min(masks.depth[row], DEPTHS.length - 1)];
    if (state.colour === "source") return SOURCES[masks.source[row]]?.[1] ?? [128, 128, 128];
    if (state.colour === "score") {
      const share = Math.max(0, Math.min(1, (masks.score[row] / 255 - 0.4) / 0.6));
      return [Math.round(120 + 135 * share), Math.round(40 + 190 * share), Math.round(150 - 60 * share)];
    }
    return this.trackColours().subarray(3 * masks.track[row], 3 * masks.track[row] + 3);
  }

  trackColours() {
    return this.colours ?? state.colours;
  }

  trim() {
    for (const [frame] of this.kept) {
      if (this.kept.size <= MOST_KEPT) break;
      if (frame !== state.frame) this.drop(frame);
      else break;
    }
  }

  drop(frame) {
    this.kept.get(frame)?.then(({ picture }) => this.isIdle(frame) && picture.close()).catch(() => {});
    this.kept.delete(frame);
    this.clearPainted((key) => key.startsWith(`${frame} `));
  }

  clearPainted(isGone) {
    for (const [key, overlay] of this.painted) {
      if (!isGone(key)) continue;
      this.painted.delete(key);
      overlay.then((bitmap) => this.isIdle(parseInt(key, 10)) && bitmap.close()).catch(() => {});
    }
  }

  isIdle(frame) { return frame !== state.frame && frame !== this.drawn; }
}
