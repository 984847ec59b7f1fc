// Frames with their masks, which a worker fetches, decodes and paints; kept for a while, and fetched ahead. Pictures and
// painted masks have about as many pixels as the screen shows of them; what the pointer finds is exact all the same.
import { Refused, getPicture } from "./api.js";
import { state } from "./state.js";

const MOST_KEPT = 16, AHEAD = 4, WAIT_MS = 150;

export class Frames {
  constructor(store) {
    this.store = store;
    this.kept = new Map(); // frame -> {picture, masks, width}, the first two promises
    this.width = Infinity; // pixels of a row of the pictures and of the painted masks
    this.painted = new Map(); // key -> promise of a bitmap
    this.worker = new Worker("worker.js", { type: "module" });
    this.waiting = new Map();
    this.nextId = 0;
    this.revision = 0;
    this.last = 0; // the frame that was looked at last
    this.drawn = -1; // the frame that the picture still draws while it waits for another one
    this.worker.onmessage = ({ data }) => {
      const [resolve, reject] = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) reject(new Refused(data.error));
      else resolve(data.found);
    };
  }

  /** A frame as {frame, picture, masks}. */
  async get(frame) {
    const found = this.masks(frame);
    if (found.width < this.width) {
      found.width = this.width;
      const all = `api/picture/${frame}?store=${this.store}`;
      found.picture = getPicture(this.width < (state.facts?.width ?? Infinity) ? `${all}&width=${this.width}` : all);
      this.clearPainted((key) => key.startsWith(`${frame} `));
    }
    try {
      const [picture, masks] = await Promise.all([found.picture, found.masks]);
      return { frame, picture, masks };
    } catch (error) {
      if (this.kept.get(frame) === found) this.drop(frame);
      throw error;
    }
  }

  /** Fetch the masks of a frame, if they are not here, and keep it as the latest one. */
  masks(frame) {
    const found = this.kept.get(frame) ?? { masks: this.askMasks(frame), picture: null, width: 0 };
    this.kept.delete(frame);
    this.kept.set(frame, found); // the latest is last
    this.trim();
    return found;
  }

  askMasks(frame, known = "") {
    const found = this.ask({ get: frame, address: `api/masks/${frame}?store=${this.store}`, masks: known });
    found.catch(() => {}); // whoever shows the frame hears of it
    return found;
  }

  /** The painted masks of a frame in the present colours. */
  overlay(frame) {
    const key = `${frame} ${state.colour} ${this.revision} ${this.width}`;
    if (!this.painted.has(key)) {
      this.get(frame).catch(() => {}); // whoever shows the frame hears of it
      const { width, height } = state.facts, shown = [this.width, Math.max(1, Math.round((height * this.width) / width))];
      this.painted.set(key, this.ask({ paint: frame, whole: [width, height], size: shown, by: state.colour, ofTracks: this.trackColours() }));
    }
    return this.painted.get(key);
  }

  /** Fetch the next frames, one after another, until another frame is asked for. After a jump this waits a moment. */
  async ahead(frame) {
    const request = this.stop(), isJump = Math.abs(frame - this.last) > 1;
    this.last = frame;
    if (isJump) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    for (let next = frame + 1; next <= frame + AHEAD && next < state.facts.frames; next++) {
      if (request !== this.aheadOf) return;
      await this.overlay(next).catch(() => {});
    }
  }

  /** Fetch nothing ahead any more. */
  stop() { return (this.aheadOf = {}); }

  /** Forget masks after an edit, but not the picture that is shown; its new masks may be known already, in base64. */
  forget(keepPicture, masks = "") {
    const before = this.kept.get(keepPicture);
    this.revision++;
    for (const frame of [...this.kept.keys()]) if (frame !== keepPicture) this.drop(frame);
    this.clearPainted(() => true);
    if (before) this.kept.set(keepPicture, { ...before, masks: this.askMasks(keepPicture, masks) });
  }

  ask(message) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, [resolve, reject]);
      this.worker.postMessage({ id, ...message });
    });
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
    this.kept.get(frame)?.picture?.then((picture) => this.isIdle(frame) && picture.close()).catch(() => {});
    this.kept.delete(frame);
    this.worker.postMessage({ drop: frame });
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
