// Time: shots, keyframes, coverage, and a bar for each track. Only the rows and frames in view are drawn.
import { getJson } from "./api.js";
import { SOURCES } from "./colours.js";
import { colourOf, goTo, nameOf, on, quiet, select, state } from "./state.js";

const LEFT = 132, RIGHT = 14, RULER = 22, COVERAGE = 30, ROW = 16, TOP = RULER + COVERAGE + 6;
const LEAST_FRAMES = 10; // in view
const MOST_ROWS = 200; // in view, which is what the server answers at once
const MOST_KEPT = 4000; // tracks with bars

export class Timeline {
  constructor(canvas) {
    this.canvas = canvas;
    this.scroll = 0;
    this.first = 0; // the first frame in view
    this.shown = Infinity; // frames in view
    this.bars = new Map();
    on("selected hovered", () => this.draw());
    on("frame", () => { this.follow(); this.draw(); });
    on("order", () => { this.keepInside(); this.draw(); });
    on("tracks", () => { this.forget(); this.draw(); });
    on("selected", () => this.reveal(state.selected.at(-1)));
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  /** Forget the bars that an edit changed, or all. */
  forget() {
    if (!state.changedTracks) this.bars.clear();
    else for (const track of state.changedTracks) this.bars.delete(track);
  }

  get height() { return this.canvas.clientHeight; }
  get span() { return this.canvas.clientWidth - LEFT - RIGHT; }
  get n() { return Math.max(1, Math.min(this.shown, state.facts.frames)); }
  x(frame) { return LEFT + (this.span * (frame - this.first)) / this.n; }
  xInside(frame) { return Math.max(LEFT, Math.min(LEFT + this.span, this.x(frame))); }
  frameAt(x) { return this.first + ((x - LEFT) / this.span) * this.n; }
  rows() { return Math.max(1, Math.floor((this.height - TOP) / ROW)); }

  /** The tracks whose rows are in view. */
  inView() {
    const first = Math.floor(this.scroll / ROW);
    return state.order.slice(first, first + Math.min(MOST_ROWS, this.rows() + 2));
  }

  keepInside() {
    this.scroll = Math.max(0, Math.min(this.scroll, state.order.length * ROW - (this.height - TOP)));
    if (Number.isNaN(this.scroll)) this.scroll = 0;
  }

  /** Show fewer or more frames; the one at `frame` stays where it is. */
  zoom(by, frame = state.frame + 0.5) {
    const most = state.facts.frames, share = (frame - this.first) / this.n;
    this.shown = Math.max(Math.min(LEAST_FRAMES, most), this.n / by);
    if (this.shown >= most) this.shown = Infinity;
    this.moveTo(frame - share * this.n);
  }

  moveTo(first) {
    this.first = Math.max(0, Math.min(first, state.facts.frames - this.n));
    this.draw();
  }

  /** Keep the shown frame in view. */
  follow() {
    const { frame } = state;
    if (frame < this.first || frame + 1 > this.first + this.n) this.moveTo(frame - this.n / 4);
  }

  reveal(track) {
    const at = state.order.indexOf(track) * ROW;
    if (at < 0) return;
    if (at < this.scroll || at + ROW > this.scroll + this.height - TOP) this.scroll = at - (this.height - TOP) / 3;
    this.keepInside();
  }

  draw() {
    if (!this.pending && state.facts) this.pending = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const began = performance.now();
    this.pending = 0;
    const ratio = window.devicePixelRatio || 1, { canvas } = this;
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = { ink: colour("--ink"), quiet: colour("--quiet"), line: colour("--line"), mark: colour("--mark"), soft: colour("--mark-soft") };
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    this.ruler(context);
    this.coverage(context);
    this.tracks(context);
    this.mark(context);
    this.took = performance.now() - began;
  }

  mark(context) {
    const x = this.x(state.frame + 0.5);
    if (x < LEFT || x > LEFT + this.span) return;
    context.fillStyle = this.colours.mark;
    context.fillRect(x - 0.75, 4, 1.5, this.height - 4);
    context.beginPath();
    context.arc(x, 7, 4, 0, 7);
    context.fill();
  }

  ruler(context) {
    const { facts } = state, { quiet, line } = this.colours;
    context.fillStyle = quiet;
    context.textAlign = "left";
    const first = Math.round(this.first), isWhole = this.n >= facts.frames;
    context.fillText(isWhole ? "keyframes" : `frames ${first} to ${first + Math.round(this.n) - 1}`, 12, RULER / 2 + 2);
    context.fillText(`coverage ${Math.round(100 * (facts.coverage[state.frame] ?? 0))} %`, 12, RULER + COVERAGE / 2);
    context.strokeStyle = line;
    context.beginPath();
    context.moveTo(LEFT, RULER - 4);
    context.lineTo(LEFT + this.span, RULER - 4);
    context.stroke();
    const keyframes = facts.keyframes.filter((frame) => frame >= this.first && frame < this.first + this.n);
    if (this.span / Math.max(1, keyframes.length) > 2.5) for (const frame of keyframes) context.fillRect(this.x(frame + 0.5) - 0.5, RULER - 9, 1, 5);
    context.strokeStyle = quiet;
    context.setLineDash([3, 3]);
    for (const cut of facts.shots.filter((frame) => frame >= this.first && frame <= this.first + this.n)) {
      context.beginPath();
      context.moveTo(this.x(cut), 2);
      context.lineTo(this.x(cut), this.height);
      context.stroke();
    }
    context.setLineDash([]);
  }

  coverage(context) {
    const { coverage } = state.facts, first = Math.floor(this.first), last = Math.min(coverage.length, Math.ceil(this.first + this.n)) - 1;
    const step = Math.max(1, Math.floor(this.n / this.span)), y = (frame) => RULER + COVERAGE * (1 - (coverage[frame] ?? 0));
    context.beginPath();
    context.moveTo(LEFT, RULER + COVERAGE);
    context.lineTo(LEFT, y(first));
    for (let frame = first; frame <= last; frame += step) context.lineTo(this.xInside(frame + 0.5), y(frame));
    context.lineTo(LEFT + this.span, y(last));
    context.lineTo(LEFT + this.span, RULER + COVERAGE);
    context.fillStyle = this.colours.soft;
    context.fill();
  }

  tracks(context) {
    const first = Math.floor(this.scroll / ROW);
    context.save();
    context.beginPath();
    context.rect(0, TOP, this.canvas.clientWidth, this.height - TOP);
    context.clip();
    let isMissing = false;
    for (const [at, track] of this.inView().entries()) {
      const y = TOP + (first + at) * ROW - this.scroll;
      const isSelected = state.selected.includes(track);
      if (isSelected || track === state.hovered) {
        context.fillStyle = this.colours.soft;
        context.fillRect(0, y, this.canvas.clientWidth, ROW);
      }
      context.fillStyle = isSelected ? this.colours.ink : this.colours.quiet;
      context.textAlign = "right";
      context.fillText(shortened(context, nameOf(track), LEFT - 22), LEFT - 10, y + ROW / 2);
      const bars = this.bars.get(track);
      isMissing ||= bars === undefined;
      this.bar(context, track, y, bars);
    }
    context.restore();
    if (isMissing) this.fetch();
  }

  /** Its height is the support, a line below it the source, and its colour that of the track. */
  bar(context, track, y, bars) {
    const known = bars?.length ? bars : [[state.tracks.first[track], state.tracks.last[track], -1, 10]];
    context.fillStyle = colourOf(track);
    for (const [first, last, , tenths] of known) {
      const height = Math.max(2, (ROW - 7) * tenths / 10);
      if (this.isInView(first, last)) context.fillRect(this.xInside(first), y + ROW - 5 - height, this.width(first, last), height);
    }
    for (const [first, last, source] of bars ?? []) {
      const [r, g, b] = SOURCES[source]?.[1] ?? [128, 128, 128];
      context.fillStyle = `rgb(${r} ${g} ${b})`;
      if (this.isInView(first, last)) context.fillRect(this.xInside(first), y + ROW - 4, this.width(first, last), 2);
    }
  }

  isInView(first, last) { return last + 1 > this.first && first < this.first + this.n; }
  width(first, last) { return Math.max(1.5, this.xInside(last + 1) - this.xInside(first)); }

  /** Fetch the bars in view, one request after another: rows that scroll by are not asked for. */
  async fetch() {
    if (this.isFetching) return;
    this.isFetching = true;
    await quiet();
    const tracks = this.inView().filter((track) => !this.bars.has(track)), { revision } = state.tracks;
    const found = tracks.length ? await getJson(`api/bars?tracks=${tracks.join(",")}`).catch(() => null) : {};
    this.isFetching = false;
    if (!found) return;
    if (revision === state.tracks.revision) for (const track of tracks) this.bars.set(track, found[track] ?? []);
    while (this.bars.size > MOST_KEPT) this.bars.delete(this.bars.keys().next().value);
    this.draw();
  }

  listen() {
    const { canvas } = this;
    let drags = false;
    const jump = (event) => {
      const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
      const place = Math.floor((y - TOP + this.scroll) / ROW), track = y > TOP ? state.order[place] : undefined;
      if (event.type === "pointerdown" && track !== undefined) select([track], { add: event.shiftKey || event.ctrlKey });
      if (x >= LEFT) goTo(Math.floor(this.frameAt(x)));
    };
    canvas.addEventListener("pointerdown", (event) => { drags = true; canvas.setPointerCapture(event.pointerId); jump(event); });
    canvas.addEventListener("pointermove", (event) => drags && jump(event));
    canvas.addEventListener("pointerup", () => { drags = false; });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const along = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey || event.metaKey) return this.zoom(1.0015 ** -event.deltaY, this.frameAt(event.offsetX));
      if (along) return this.moveTo(this.first + (along / this.span) * this.n);
      this.scroll += event.deltaY;
      this.keepInside();
      this.draw();
    }, { passive: false });
  }
}

function shortened(context, text, width) {
  let shown = text;
  while (shown.length > 2 && context.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}
