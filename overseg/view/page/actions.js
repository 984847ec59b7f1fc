// Every action of the page with its key. The help lists them.
import { Refused, post } from "./api.js";
import { shotOf } from "./list.js";
import { changed, goTo, hurry, nameOf, select, state } from "./state.js";

const byId = (id) => document.getElementById(id);

export class Actions {
  constructor({ picture, tool, places, timeline, show, tell, wait, showEdit, follow }) {
    Object.assign(this, { picture, tool, places, timeline, show, tell, wait, showEdit, follow });
    this.all = this.listed();
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get isBusy() { return state.nEdits > 0; }

  listed() {
    const step = (by) => () => { this.stop(); goTo(state.frame + by); };
    const one = (run) => () => (state.selected.length === 1 ? run(state.selected[0]) : this.tell("Select one track."));
    return [
      ["→", ["ArrowRight"], "next frame", step(1)],
      ["←", ["ArrowLeft"], "previous frame", step(-1)],
      ["space", [" "], "play and stop", () => this.play()],
      [". ,", [".", ","], "next and previous keyframe", (key) => goTo(this.keyframe(key === "." ? 1 : -1))],
      ["> <", [">", "<"], "next and previous cut", (key) => goTo(this.cut(key === ">" ? 1 : -1))],
      ["Home End", ["Home", "End"], "first and last frame of the selected track, or of the video", (key) => goTo(this.end(key))],
      ["] [", ["]", "["], "coarser and finer mask under the pointer (Ctrl and wheel)", (key) => this.picture.step(key === "]" ? 1 : -1)],
      ["s", ["s"], "select the mask under the pointer", () => state.hovered >= 0 && select([state.hovered])],
      ["Esc", ["Escape"], "leave the correction, or select nothing; a message goes away", () => { this.tell(""); if (state.tool) this.tool.cancel(); else select([]); }],
      ["+ −", ["+", "=", "-"], "zoom in and out (wheel)", (key) => this.picture.zoom(key === "-" ? 1 / 1.25 : 1.25)],
      ["0", ["0"], "show the whole picture", () => this.picture.fit()],
      ["h j k l", ["h", "j", "k", "l"], "move the picture", (key) => this.picture.pan(...{ h: [60, 0], l: [-60, 0], k: [0, 60], j: [0, -60] }[key])],
      ["i o", ["i", "o"], "zoom in and out of time (Ctrl and wheel on the timeline; Shift and wheel moves it)", (key) => this.timeline.zoom(key === "i" ? 1.5 : 1 / 1.5)],
      ["x", ["x"], "next colouring", () => this.colouring()],
      ["v", ["v"], "hide and show masks", () => this.hide()],
      ["/", ["/"], "filter the list", () => { this.show("tracks"); byId("search").focus(); }],
      ["f", ["f"], "filter the list by area, length, score, depth or shot", () => this.filter()],
      ["1 2 3 4", ["1", "2", "3", "4"], "tracks, selected, where to look, edits", (key) => this.show(["tracks", "track", "places", "edits"][key - 1])],
      ["n N", ["n", "N"], "next and previous place that may be wrong", (key) => { this.show("places"); this.places.next(key === "n" ? 1 : -1); }],
      ["r", ["r", "F2"], "name", one((track) => this.name(track))],
      ["m", ["m"], "merge the selected tracks", () => this.merge()],
      ["t", ["t"], "split at this frame", one((track) => this.edit({ do: "split", tracks: [track], at: state.frame }, `Split ${nameOf(track)}`))],
      ["d", ["d", "Delete"], "delete", () => this.drop()],
      ["D", ["D"], "list deleted tracks, to bring one back", () => this.deleted()],
      ["c", ["c"], "correct with clicks and a box", () => (state.tool ? this.tool.use("click") : one((track) => this.correct(track, "click"))())],
      ["b e", ["b", "e"], "brush and eraser", (key) => { const way = key === "b" ? "brush" : "erase"; return state.tool ? this.tool.use(way) : one((track) => this.correct(track, way))(); }],
      ["{ }", ["{", "}"], "smaller and larger brush", (key) => this.tool.size(key === "}" ? 1.25 : 0.8)],
      ["a", ["a"], "add a new track", () => this.correct(-1, "click")],
      ["Enter", ["Enter"], "keep the correction", () => this.tool.keep()],
      ["p", ["p"], "propagate the mask of this frame to its neighbours", one((track) => this.edit({ do: "propagate", tracks: [track], frame: state.frame }))],
      ["u", ["u"], "take the last edit back (Ctrl+z)", () => this.edit({ do: "undo" })],
      ["U", ["U"], "make it again (Ctrl+y)", () => this.edit({ do: "redo" })],
      ["?", ["?"], "this list", () => this.help()],
    ];
  }

  key(event) {
    if (event.target.closest("dialog[open]")) return;
    if (event.target.closest("input, select")) return void (event.key === "Escape" && event.target.blur());
    if (event.target.closest("button, summary") && ["Enter", " "].includes(event.key)) return;
    if (event.ctrlKey || event.metaKey) {
      const edit = { z: event.shiftKey ? "redo" : "undo", Z: "redo", y: "redo" }[event.key];
      if (edit) { event.preventDefault(); this.edit({ do: edit }); }
      return;
    }
    const action = this.all.find(([, keys]) => keys.includes(event.key));
    if (!action || event.altKey) return;
    event.preventDefault();
    action[3](event.key);
  }

  async play() {
    if (state.playing) return this.stop();
    state.playing = true;
    this.playing();
    const fps = Math.min(60, state.facts.fps || 25);
    while (state.playing && state.frame < state.facts.frames - 1) {
      const began = performance.now(), next = state.frame + 1;
      this.picture.frames.ahead(next);
      await this.picture.frames.overlay(next).catch(() => {});
      const left = 1000 / fps - (performance.now() - began);
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      if (state.playing && state.frame === next - 1) goTo(next);
    }
    this.stop();
  }

  stop() {
    state.playing = false;
    this.playing();
  }

  playing() {
    byId("play").textContent = state.playing ? "❚❚" : "▶";
    byId("play").setAttribute("aria-label", state.playing ? "Stop" : "Play");
  }

  keyframe(by) {
    const { keyframes } = state.facts;
    return (by > 0 ? keyframes.find((frame) => frame > state.frame) : keyframes.findLast((frame) => frame < state.frame)) ?? state.frame;
  }

  cut(by) {
    const [start, stop] = shotOf(state.frame);
    if (by > 0) return stop;
    return start < state.frame ? start : shotOf(Math.max(0, state.frame - 1))[0];
  }

  end(key) {
    const track = state.selected.at(-1), { first, last } = state.tracks;
    if (track === undefined) return key === "Home" ? 0 : state.facts.frames - 1;
    return key === "Home" ? first[track] : last[track];
  }

  colouring() {
    const choices = [...byId("colour").options].map((option) => option.value);
    byId("colour").value = choices[(choices.indexOf(state.colour) + 1) % choices.length];
    byId("colour").dispatchEvent(new Event("input"));
  }

  hide() {
    this.opacity = state.opacity ? state.opacity : this.opacity ?? 0.6;
    state.opacity = state.opacity ? 0 : this.opacity;
    byId("opacity").value = 100 * state.opacity;
    this.picture.draw();
  }

  correct(track, way) {
    if (!this.mayEdit()) return;
    if (track >= 0 && !state.tracks.length[track]) return;
    if (track < 0) select([]);
    this.tool.begin(track, state.whyGrey ? "brush" : way);
  }

  merge() {
    if (state.selected.length < 2) return this.tell("Select two or more tracks: Shift and click.");
    const [kept] = state.selected, n = state.selected.length;
    return this.edit({ do: "merge", tracks: state.selected }, `Merged ${n} tracks into ${nameOf(kept)}`, [kept]);
  }

  drop() {
    if (!state.selected.length) return this.tell("Select a track.");
    return this.edit({ do: "drop", tracks: state.selected }, state.selected.length === 1 ? `Deleted ${nameOf(state.selected[0])}` : `Deleted ${state.selected.length} tracks`, []);
  }

  filter() {
    this.show("tracks");
    byId("ranges").open = true;
    byId("limits").querySelector("input").focus();
  }

  deleted() {
    this.show("edits");
    const first = byId("deleted")?.querySelector("button");
    if (first) first.focus();
    else this.tell("No track is deleted.");
  }

  restore(track) {
    return this.edit({ do: "restore", tracks: [track] }, `Track ${track} is back`, [track]);
  }

  name(track) {
    if (!this.mayEdit()) return;
    const [name, category] = state.tracks.names[track] ?? ["", ""], dialog = byId("naming");
    byId("name").value = name;
    byId("category").value = category === name ? "" : category;
    dialog.returnValue = "";
    dialog.onclose = () => {
      const typed = byId("name").value.trim();
      if (dialog.returnValue === "ok") this.edit({ do: "name", tracks: [track], name: typed, category: byId("category").value.trim() }, typed ? `Named ${typed}` : "The name is gone");
    };
    dialog.showModal();
    byId("name").select();
  }

  mayEdit() {
    if (state.seat) return true;
    this.tell(state.readOnly || "Another window edits this store.");
    return false;
  }

  /** Make an edit: the picture shows it at once, and the list as soon as its figures are known. */
  async edit(edit, said = "", selected) {
    if (!this.mayEdit()) return;
    const began = performance.now(), { frame, selected: before } = state;
    state.nEdits++;
    this.wait("Keeping the edit …");
    try {
      const found = await post("api/edit", { ...edit, shows: frame, seat: state.seat });
      state.facts.log = found.log;
      if (selected && state.selected === before) state.selected = selected; // nothing else was selected meanwhile
      await this.showEdit({ ...found, frame });
      this.tell(found.said || said);
      this.editedIn = performance.now() - began;
      await this.follow();
      if (found.made !== null && state.selected === before) select([found.made]);
      this.followedIn = performance.now() - began;
    } catch (error) {
      this.tell(error instanceof Refused ? error.message : "The server cannot be reached. Edits so far are kept: start it again, and reload the page.");
    }
    state.nEdits--;
    this.wait("");
    hurry();
    changed("edited");
  }

  help() {
    const rows = this.all.map(([keys, , text]) => {
      const row = document.createElement("div"), what = document.createElement("dt"), key = document.createElement("dd");
      what.textContent = text;
      for (const word of keys.split(" ")) {
        const shown = document.createElement("kbd");
        shown.textContent = word;
        key.append(shown);
      }
      row.append(what, key);
      return row;
    });
    const title = document.createElement("h2"), list = document.createElement("dl"), form = document.createElement("form"), close = document.createElement("button");
    title.textContent = "Keys";
    list.append(...rows);
    form.method = "dialog";
    form.className = "actions";
    close.textContent = "Close";
    form.append(close);
    byId("keys").replaceChildren(title, list, form);
    byId("keys").showModal();
  }
}
