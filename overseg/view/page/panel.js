// What is known of a track, and the places that are most likely wrong.
import { getJson } from "./api.js";
import { colourOf, goTo, nameOf, on, select, state } from "./state.js";

const CROPS = 12;

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
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
    parts.push(element("h3", { textContent: "Where each mask comes from" }), this.masks(found));
    if (found.ends.length) parts.push(element("h3", { textContent: "Why masklets ended" }), this.ends(found.ends));
    return parts;
  }

  strip(track, masks) {
    const strip = element("div", { className: "strip" }), n = Math.min(CROPS, masks.length);
    for (let at = 0; at < n; at++) {
      const { frame } = masks[Math.round((at * (masks.length - 1)) / Math.max(1, n - 1))];
      const picture = element("img", { src: `api/crop/${track}?frame=${frame}&r=${state.tracks.revision}`, alt: `frame ${frame}`, loading: "lazy" });
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
    const matched = new Map(found.matches.map((match) => [match.frame, match.iou]));
    const rows = found.masks.slice(0, 400).map((mask) => {
      const origin = mask.source === "keyframe"
        ? `made here${mask.output ? `, ${mask.output}` : ""}${mask.point ? ` at ${mask.point.map(Math.round).join(", ")}` : ""}`
        : mask.source === "edit" ? "edited" : `${mask.source} from ${mask.madeOn}`;
      const row = element("tr", {}, ...[mask.frame, origin, mask.score?.toFixed(2) ?? "-", mask.area,
        matched.has(mask.frame) ? matched.get(mask.frame).toFixed(2) : ""].map((text) => element("td", { textContent: text })));
      row.dataset.frame = mask.frame;
      row.addEventListener("click", () => goTo(mask.frame));
      return row;
    });
    const head = element("tr", {}, ...["frame", "origin", "score", "px", "match"].map((text) => element("th", { textContent: text })));
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
    const more = found.masks.length - rows.length;
    return more > 0 ? element("div", {}, table, element("p", { className: "quiet", textContent: `and ${more} more masks` })) : table;
  }

  ends(ends) {
    const words = { clip: "reached the next keyframe", gone: "not visible", small: "too small", lost: "too little support", not_propagated: "not propagated" };
    const counts = new Map();
    for (const end of ends) counts.set(end.reason, (counts.get(end.reason) ?? 0) + 1);
    return element("p", { className: "quiet", textContent: [...counts].map(([reason, n]) => `${words[reason] ?? reason}: ${n}`).join(" · ") });
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

  async load() {
    if (!this.isStale) return;
    this.isStale = false;
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
      const picture = place.tracks.length
        ? element("img", { src: `api/crop/${place.tracks[0]}?frame=${place.frame}&r=${state.tracks.revision}`, alt: "", loading: "lazy" }) : element("span");
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
