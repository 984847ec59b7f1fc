// What is known of a track, and the places that are most likely wrong.
import { getJson } from "./api.js";
import { crop } from "./crops.js";
import { colourOf, goTo, nameOf, on, select, state } from "./state.js";

const CROPS = 12, MOST_ROWS = 400;
const END_WORDS = { clip: "reached the next keyframe", gone: "not visible", small: "too small", lost: "too little support",
  not_propagated: "not propagated" };

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function originOf(mask) {
  if (mask.source === "edit") return "edited";
  if (mask.source !== "keyframe") return `${mask.source} from ${mask.madeOn}`;
  return ["made here", mask.output, mask.point && `at ${mask.point.map(Math.round).join(", ")}`,
    mask.stability !== null && `stability ${mask.stability.toFixed(2)}`].filter(Boolean).join(", ");
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { textContent: text })));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

function more(n, what) {
  return n > 0 ? [element("p", { className: "quiet", textContent: `and ${n} more ${what}` })] : [];
}

export class TrackPanel {
  constructor(section) {
    this.section = section;
    on("selected tracks", () => this.load());
    on("frame", () => this.mark());
  }

  async load() {
    const track = state.selected.at(-1), request = (this.request = {});
    if (track === undefined || !state.tracks.length[track]) {
      this.section.replaceChildren(element("p", { className: "quiet", textContent: "Click on the picture, or choose a track from the list." }));
      return;
    }
    if (this.section.hidden) { this.isStale = true; return; }
    this.isStale = false;
    const found = await getJson(`api/panel/${track}`).catch(() => null);
    if (request !== this.request || !found) return;
    this.section.replaceChildren(...this.content(track, found));
    this.mark();
  }

  shown() {
    if (this.isStale) this.load();
  }

  content(track, found) {
    const { tracks } = state, parts = [];
    const category = tracks.names[track]?.[1];
    parts.push(element("h2", { textContent: nameOf(track) }));
    parts.push(element("p", { className: "quiet", textContent: [
      tracks.names[track] ? `track ${track}` : "", category && category !== nameOf(track) ? category : "",
      `frames ${tracks.first[track]} to ${tracks.last[track]}`, `${tracks.length[track]} masks`,
      `${Math.round(tracks.area[track])} px`, `score ${tracks.score[track].toFixed(2)}`].filter(Boolean).join(" · ") }));
    parts.push(this.strip(track, found.masks));
    if (found.above.length) parts.push(element("h3", { textContent: "Part of" }), this.chips(found.above));
    if (found.parts.length) parts.push(element("h3", { textContent: "Parts" }), this.chips(found.parts));
    parts.push(element("h3", { textContent: "Where each mask comes from" }), ...this.masks(found));
    if (found.ends.length) parts.push(element("h3", { textContent: "Where and why masklets ended" }), ...this.ends(found.ends));
    return parts;
  }

  strip(track, masks) {
    const strip = element("div", { className: "strip" }), n = Math.min(CROPS, masks.length);
    for (let at = 0; at < n; at++) {
      const { frame } = masks[Math.round((at * (masks.length - 1)) / Math.max(1, n - 1))];
      const picture = crop(track, frame, `frame ${frame}`);
      strip.append(element("button", { onclick: () => goTo(frame), title: `frame ${frame}` }, picture, String(frame)));
    }
    return strip;
  }

  chips(tracks) {
    const chips = element("div", { className: "chips" });
    for (const track of tracks.slice(0, 60)) {
      const chip = element("button", { textContent: nameOf(track), onclick: () => select([track]) });
      chip.style.borderLeft = `4px solid ${colourOf(track)}`;
      chips.append(chip);
    }
    if (tracks.length > 60) chips.append(`and ${tracks.length - 60} more`);
    return chips;
  }

  masks(found) {
    const matches = new Map(), ends = new Map();
    for (const match of found.matches) matches.set(match.frame, [...(matches.get(match.frame) ?? []), match]);
    const partner = ({ from, with: other, iou }, mask) => `${iou.toFixed(2)}, from ${from === mask.madeOn ? other : from}`;
    for (const end of found.ends) if (end.reason !== "clip") ends.set(end.last, END_WORDS[end.reason] ?? end.reason);
    const rows = found.masks.slice(0, MOST_ROWS).map((mask) => {
      const origin = [originOf(mask), ends.has(mask.frame) ? `then ${ends.get(mask.frame)}` : ""].filter(Boolean).join("; ");
      const matched = (matches.get(mask.frame) ?? []).map((match) => partner(match, mask)).join("; ");
      const jump = element("button", { className: "link", textContent: mask.frame, title: `Go to frame ${mask.frame}`,
        onclick: () => goTo(mask.frame) });
      const row = element("tr", {}, element("td", {}, jump), ...[origin, mask.score?.toFixed(2) ?? "-", mask.area, matched].map(
        (text) => element("td", { textContent: text })));
      row.dataset.frame = mask.frame;
      return row;
    });
    const note = matches.size ? "match: the IoU with the mask that it was joined with, and the keyframe that this one was made on" : "";
    return [table(["frame", "origin", "score", "px", "match"], rows), ...more(found.masks.length - rows.length, "masks"),
      element("p", { className: "quiet", textContent: note })];
  }

  ends(ends) {
    const rows = ends.slice(0, MOST_ROWS).map((end) => element("tr", {}, ...[`${end.from}, ${end.direction}`, end.last,
      END_WORDS[end.reason] ?? end.reason].map((text) => element("td", { textContent: text }))));
    return [table(["from", "last frame", "why"], rows), ...more(ends.length - rows.length, "masklets")];
  }

  mark() {
    for (const row of this.section.querySelectorAll("tr[data-frame]")) row.classList.toggle("here", Number(row.dataset.frame) === state.frame);
  }
}

export class Places {
  constructor(section) {
    this.section = section;
    this.places = [];
    this.at = -1;
    on("tracks", () => { this.isStale = true; if (!this.section.hidden) this.load(); });
    this.isStale = true;
  }

  /** Look for them anew if the tracks changed; whoever asks meanwhile waits for the same answer. */
  load() {
    if (this.isStale) this.loading = this.look();
    this.isStale = false;
    return this.loading;
  }

  async look() {
    this.section.replaceChildren(element("p", { className: "quiet", textContent: "Looking for places that may be wrong …" }));
    this.places = await getJson("api/suspects").catch(() => []);
    this.at = -1;
    this.show();
  }

  shown() { return this.load(); }

  show() {
    const rows = this.places.slice(0, 200).map((place, at) => {
      const text = element("span", {}, element("b", { textContent: place.tracks.length ? place.tracks.map(nameOf).join(" and ") : `frame ${place.frame}` }),
        element("small", { className: "quiet", textContent: `${place.text} · frame ${place.frame}` }));
      const picture = place.tracks.length ? crop(place.tracks[0], place.frame) : element("span");
      const row = element("button", { className: "place", onclick: () => this.go(at) }, picture, text);
      row.setAttribute("aria-current", at === this.at);
      return row;
    });
    const note = this.places.length ? `${this.places.length} places, the worst first. The key n goes to the next one.` : "Nothing looks wrong.";
    this.section.replaceChildren(element("p", { className: "quiet", textContent: note }), ...rows);
  }

  async next(by = 1) {
    await this.load();
    if (this.places.length) this.go((this.at + by + this.places.length) % this.places.length);
  }

  go(at) {
    this.at = at;
    const place = this.places[at];
    if (place.tracks.length) select(place.tracks);
    goTo(place.frame);
    this.show();
    this.section.children[at + 1]?.scrollIntoView({ block: "nearest" });
  }
}
