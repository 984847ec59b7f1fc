// The list of tracks: sorted, filtered, several selected. Only the rows in view are in the document.
import { crop } from "./crops.js";
import { changed, colourOf, nameOf, on, select, state } from "./state.js";

const ROW = 56, MOST_MOVED = 100;
const SORTS = {
  area: (t, a, b) => t.area[b] - t.area[a],
  length: (t, a, b) => t.length[b] - t.length[a] || t.area[b] - t.area[a],
  uncertain: (t, a, b) => t.score[a] - t.score[b],
  depth: (t, a, b) => t.depth[a] - t.depth[b] || t.area[b] - t.area[a],
  first: (t, a, b) => t.first[a] - t.first[b] || t.area[b] - t.area[a],
  name: (t, a, b) => Number(!t.names[a]) - Number(!t.names[b]) || nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true }),
};

const LIMITS = [["area", "Area, px"], ["length", "Frames"], ["score", "Score"], ["depth", "Depth"], ["shot", "Shot"]];

const byId = (id) => document.getElementById(id);

export class TrackList {
  constructor(tracksHere) {
    this.tracksHere = tracksHere; // the tracks on the frame that is shown
    this.rows = byId("rows");
    this.list = byId("list");
    this.list.addEventListener("scroll", () => this.show());
    this.limits = new Map(); // what is filtered by: name -> the fields of the least and the most
    this.addLimits();
    for (const id of ["search", "sort", "show", "limits"]) byId(id).addEventListener("input", () => this.anew());
    on("tracks", () => this.update());
    on("selected", () => { this.reveal(state.selected.at(-1)); this.show(); });
    on("frame", () => byId("show").value !== "all" && this.order());
    new ResizeObserver(() => this.show()).observe(this.list);
    this.list.addEventListener("keydown", (event) => this.move(event));
  }

  /** Two fields for each number that tracks are filtered by. */
  addLimits() {
    const field = (label) => Object.assign(document.createElement("input"), { type: "number", step: "any", ariaLabel: label });
    for (const [name, text] of LIMITS) {
      const fields = [field(`${text}, from`), field(`${text}, to`)], title = document.createElement("span");
      title.textContent = text;
      fields[0].placeholder = "from";
      fields[1].placeholder = "to";
      this.limits.set(name, fields);
      byId("limits").append(title, ...fields);
    }
    const clear = document.createElement("button");
    clear.textContent = "Clear";
    clear.onclick = () => { for (const fields of this.limits.values()) for (const one of fields) one.value = ""; this.anew(); };
    byId("limits").append(clear);
  }

  anew() {
    this.list.scrollTop = 0;
    this.order();
  }

  /** The limits that are given, as functions of a track; and how many there are in the heading. */
  given() {
    const { tracks } = state, found = [];
    for (const [name, fields] of this.limits) {
      if (fields.every((one) => one.value === "")) continue;
      const least = fields[0].value === "" ? -Infinity : Number(fields[0].value);
      const most = fields[1].value === "" ? Infinity : Number(fields[1].value);
      if (name === "shot") found.push((track) => shotNumber(tracks.last[track]) >= least && shotNumber(tracks.first[track]) <= most);
      else found.push((track) => tracks[name][track] >= least && tracks[name][track] <= most);
    }
    byId("ranges").firstElementChild.textContent = found.length ? `Filter by numbers (${found.length})` : "Filter by numbers";
    return found;
  }

  /** Whether a track is in the list, as a function; and how two tracks are ordered. */
  rules() {
    const { tracks } = state, words = byId("search").value.trim().toLowerCase(), here = new Set(this.tracksHere());
    const [start, stop] = shotOf(state.frame);
    const kinds = {
      all: () => true, here: (track) => here.has(track), named: (track) => tracks.names[track],
      shot: (track) => tracks.last[track] >= start && tracks.first[track] < stop, long: (track) => tracks.length[track] >= 10,
    };
    const isShown = kinds[byId("show").value], limits = this.given(), sort = SORTS[byId("sort").value];
    const fits = (track) => !words || String(track) === words
      || (tracks.names[track] ?? []).some((name) => name.toLowerCase().includes(words));
    return {
      isIn: (track) => tracks.length[track] && isShown(track) && fits(track) && limits.every((holds) => holds(track)),
      compare: (a, b) => sort(tracks, a, b) || a - b,
    };
  }

  order() {
    const { isIn, compare } = this.rules(), found = [];
    for (let track = 0; track < state.tracks.length.length; track++) if (isIn(track)) found.push(track);
    this.take(found.sort(compare));
  }

  /** After an edit: order anew what it changed, or all where that is much. */
  update() {
    const { changedTracks } = state;
    if (!changedTracks || changedTracks.length > MOST_MOVED) return this.order();
    const { isIn, compare } = this.rules(), moved = new Set(changedTracks);
    const found = state.order.filter((track) => !moved.has(track));
    for (const track of changedTracks.filter(isIn)) {
      let low = 0, high = found.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (compare(found[middle], track) < 0) low = middle + 1; else high = middle;
      }
      found.splice(low, 0, track);
    }
    return this.take(found);
  }

  take(order) {
    state.order = order;
    let n = 0;
    for (const length of state.tracks.length) n += length > 0;
    byId("count").textContent = order.length === n ? `${n} ${n === 1 ? "track" : "tracks"}` : `${order.length} of ${n} tracks`;
    this.rows.style.height = `${order.length * ROW}px`;
    this.show();
    changed("order");
  }

  /** Show the rows in view at the next refresh of the screen. */
  show() {
    this.pending ??= requestAnimationFrame(() => { this.pending = undefined; this.showNow(); });
  }

  showNow() {
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - 2);
    const last = Math.min(state.order.length, first + Math.ceil(this.list.clientHeight / ROW) + 5);
    const shown = [];
    this.rows.replaceChildren(); // so that the pictures can be used again
    for (let place = first; place < last; place++) shown.push(this.row(state.order[place], place));
    this.rows.replaceChildren(...shown);
  }

  row(track, place) {
    const { tracks } = state, row = document.createElement("div"), picture = crop(track), text = document.createElement("div");
    row.className = "row";
    row.style.top = `${place * ROW}px`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", state.selected.includes(track));
    row.dataset.track = track;
    const name = document.createElement("b"), swatch = document.createElement("i"), facts = document.createElement("small");
    swatch.style.background = colourOf(track);
    const category = tracks.names[track]?.[1];
    name.append(swatch, nameOf(track) + (category && category !== nameOf(track) ? ` · ${category}` : ""));
    facts.textContent = `${tracks.length[track]} ${tracks.length[track] === 1 ? "frame" : "frames"} · ${Math.round(tracks.area[track])} px · ${tracks.score[track].toFixed(2)} · depth ${tracks.depth[track]}`;
    text.append(name, facts);
    row.append(picture, text);
    row.addEventListener("click", (event) => this.pick(track, event));
    row.addEventListener("dblclick", () => this.onopen?.(track));
    return row;
  }

  pick(track, event) {
    const last = state.selected.at(-1);
    if (event.shiftKey && last !== undefined && state.order.includes(last)) {
      const [from, to] = [state.order.indexOf(last), state.order.indexOf(track)].sort((a, b) => a - b);
      select([...new Set([...state.selected, ...state.order.slice(from, to + 1)])]);
    } else select([track], { add: event.ctrlKey || event.metaKey });
    this.onpick?.(track);
  }

  move(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const at = state.order.indexOf(state.selected.at(-1));
    const track = state.order[Math.max(0, Math.min(state.order.length - 1, at + by))];
    if (track === undefined) return;
    select([track]);
    this.onpick?.(track);
  }

  reveal(track) {
    const at = state.order.indexOf(track) * ROW;
    if (at < 0) return;
    const { scrollTop, clientHeight } = this.list;
    if (at < scrollTop || at + ROW > scrollTop + clientHeight) this.list.scrollTop = at - clientHeight / 3;
  }
}

/** The first frame of the shot of a frame, and the first after it. */
export function shotOf(frame) {
  const { shots, frames } = state.facts;
  return [shots.findLast((cut) => cut <= frame) ?? 0, shots.find((cut) => cut > frame) ?? frames];
}

/** The number of the shot of a frame. */
function shotNumber(frame) {
  const cut = state.facts.shots.findLastIndex((cut) => cut <= frame);
  return cut + 1;
}
