// The page: puts its parts together.
import { Actions } from "./actions.js";
import { getJson, post } from "./api.js";
import { SOURCES, colourOfMask } from "./colours.js";
import { Frames } from "./frames.js";
import { TrackList } from "./list.js";
import { Places, TrackPanel, element } from "./panel.js";
import { Picture } from "./picture.js";
import { bytesOf, changeTracks, loadFacts, loadTracks, rename, setColours } from "./results.js";
import { changed, colourOf, goTo, nameOf, on, state } from "./state.js";
import { Timeline } from "./timeline.js";
import { Tool } from "./tool.js";

const byId = (id) => document.getElementById(id);
const ASK_EVERY_MS = 4000;
const frames = new Frames(0);
let picture, second, tool, actions, places, panel, list, timeline, hideNotice, following;

function tell(text, { stays = false } = {}) {
  clearTimeout(hideNotice);
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
  if (text && !stays) hideNotice = setTimeout(() => { byId("notice").hidden = true; }, 5000);
}

/** Say what is waited for; it appears after a moment. */
function wait(text) {
  byId("waiting").textContent = text;
  byId("waiting").hidden = !text;
}

/** Show the result anew, when the run published another one. */
async function refresh() {
  frames.forget(state.frame);
  await Promise.all([loadTracks(), loadFacts()]);
  changed("masks");
  changed("tracks");
  showEdits();
  await picture.loading;
  changed("selected");
}

/** Show what an edit made of the frame, which the server knows at once; `follow` shows the rest. */
async function showEdit({ revision, names, colours, masks, frame }) {
  if (revision < state.revision) return; // a later edit was answered first
  rename(names);
  state.revision = revision;
  if (colours) setColours(colours);
  frames.forget(state.frame, frame === state.frame ? masks : "");
  changed("masks");
  showEdits();
  await picture.loading;
}

/** Bring the list, the timeline and the panel to the state of the picture. */
async function follow() {
  while (state.tracks.revision < state.revision) await (following ??= followed().finally(() => { following = null; }));
}

async function followed() {
  const since = state.tracks.revision, found = await getJson(`api/changes?since=${since}`);
  if (found.revision <= since) return refresh(); // another server
  const isOtherDepth = state.colour === "depth" && found.rows.track.length;
  changeTracks(found);
  if (isOtherDepth) { frames.forget(state.frame); changed("masks"); }
  changed("tracks");
  changed("selected");
}

/** Ask whether this window may edit, and whether the run published more; say whether another result is shown now. */
async function askState() {
  try {
    const found = await post("api/state", { seat: state.seat });
    const couldEdit = Boolean(state.seat);
    state.seat = found.seat;
    state.readOnly = found.readOnly;
    state.whyGrey = found.whyGrey;
    if (state.isShown && (couldEdit !== Boolean(state.seat) || state.isAway)) showEdits();
    if (state.isAway) tell("");
    state.isAway = false;
    if (state.isShown && found.revisions[1] !== state.otherRevision) await refreshOther();
    if (!state.isShown || state.nEdits > 0) return false;
    const isOther = found.revisions[0] !== state.revision;
    await (isOther ? refresh() : follow());
    return isOther;
  } catch {
    state.isAway = true;
    tell("The server cannot be reached. All edits so far are kept: start it again with the same command.", { stays: true });
    return false;
  }
}

function show(name) {
  for (const one of ["tracks", "track", "places", "edits"]) {
    byId(one).hidden = one !== name;
    byId(`tab-${one}`).setAttribute("aria-selected", one === name);
  }
  ({ track: panel, places })[name]?.shown();
  if (name === "tracks") list.show();
}

function showCrumbs() {
  const { tracks = [], level = 0 } = state.stack ?? {};
  byId("crumbs").replaceChildren(...tracks.map((track, at) => {
    const crumb = element("span", {}, element("i"), nameOf(track));
    crumb.firstChild.style.background = colourOf(track);
    if (at === level) crumb.setAttribute("aria-current", "true");
    return crumb;
  }));
}

function showLegend() {
  const { masks } = picture.shown ?? {};
  const depths = masks ? [...new Set(masks.depth)].sort() : [];
  const keys = {
    source: () => SOURCES,
    depth: () => depths.map((depth) => [`depth ${depth}`, colourOfMask({ depth: [depth] }, 0, "depth")]),
    score: () => [0.4, 0.7, 1].map((score) => [`score ${score.toFixed(1)}`, colourOfMask({ score: [255 * score] }, 0, "score")]),
  }[state.colour]?.();
  byId("legend").hidden = !keys;
  byId("legend").replaceChildren(...(keys ?? []).map(([name, [r, g, b]]) => {
    const key = element("span", {}, element("i"), name);
    key.firstChild.style.background = `rgb(${r} ${g} ${b})`;
    return key;
  }));
}

function button(text, key, run, pressed) {
  const made = element("button", { onclick: run }, text, element("kbd", { textContent: key }));
  if (pressed !== undefined) made.setAttribute("aria-pressed", pressed);
  return made;
}

function showTools() {
  const bar = byId("tools"), { selected } = state, correcting = state.tool;
  bar.hidden = !correcting && !selected.length;
  if (correcting) {
    const what = correcting.track < 0 ? "New track" : nameOf(correcting.track);
    bar.replaceChildren(element("span", { textContent: what }),
      ...(correcting.canPrompt ? [button("Click", "c", () => tool.use("click"), correcting.way === "click")] : []),
      button("Brush", "b", () => tool.use("brush"), correcting.way === "brush"),
      button("Eraser", "e", () => tool.use("erase"), correcting.way === "erase"),
      button("Keep", "Enter", () => tool.keep()), button("Leave", "Esc", () => tool.cancel()));
    return;
  }
  if (!selected.length) return;
  const one = selected.length === 1;
  const run = (key) => () => actions.all.find(([, keys]) => keys.includes(key))[3](key);
  bar.replaceChildren(element("span", { textContent: one ? nameOf(selected[0]) : `${selected.length} tracks` }),
    ...(one ? [button("Name", "r", run("r")), button("Split here", "t", run("t")), button("Correct", "c", run("c")),
      button("Propagate", "p", run("p"))] : [button("Merge", "m", run("m"))]), button("Delete", "d", run("d")));
  for (const made of bar.querySelectorAll("button")) made.disabled = !state.seat;
}

function showEdits() {
  const { log } = state.facts;
  byId("undo").disabled = !state.seat || !log.canUndo;
  byId("redo").disabled = !state.seat || !log.canRedo;
  const rows = log.done.toReversed().map(([number, text]) => element("div", { className: "edit-row", textContent: `${number}  ${text}` }));
  const note = state.seat ? "Each edit is kept at once, beside the result. The result of the run stays as it is."
    : `Read-only: ${state.readOnly || "another window edits this store."}`;
  const take = element("button", { textContent: "Edit here instead", onclick: async () => {
    state.seat = (await post("api/state", { seat: state.seat, take: true })).seat;
    showEdits();
  } });
  const remarks = state.facts.remarks.map((text) => element("p", { className: "quiet", textContent: text }));
  const add = element("button", { textContent: "Add a new track (a)", onclick: () => actions.correct(-1, "click") });
  byId("edits").replaceChildren(element("p", { className: "quiet", textContent: note }), ...remarks,
    ...(state.seat ? [add] : state.readOnly ? [] : [take]), ...rows, ...deletedTracks(log.dropped));
  showTools();
}

function deletedTracks(tracks) {
  if (!tracks.length) return [];
  const chips = tracks.slice(0, 200).map((track) => element("button", { textContent: `Restore track ${track}`,
    disabled: !state.seat, onclick: () => actions.restore(track) }));
  const more = tracks.length > chips.length ? [`and ${tracks.length - chips.length} more: \`overseg edit STORE restore\``] : [];
  return [element("h3", { textContent: "Deleted tracks" }), element("div", { id: "deleted", className: "chips" }, ...chips, ...more)];
}

async function loadOther() {
  const { revision, colours } = await getJson("api/facts?store=1");
  state.otherRevision = revision;
  second.frames.colours = bytesOf(colours);
}

/** The second store changed: its run went on, or it was edited elsewhere. */
async function refreshOther() {
  second.frames.forget(state.frame);
  await loadOther();
  await second.load();
  await markDifferences();
}

async function markDifferences() {
  const { frame } = state, found = await getJson(`api/differences/${frame}`).catch(() => null);
  if (!found || frame !== state.frame) return;
  picture.marked = new Set(found.one);
  second.marked = new Set(found.other);
  picture.draw();
  second.draw();
  tell(`frame ${frame}: ${found.one.length} masks here and ${found.other.length} there have no counterpart (dashed)`);
}

async function compare() {
  byId("second").hidden = false;
  second = new Picture(byId("canvas2"), new Frames(1), { isMain: false });
  second.hover = () => {};
  second.click = () => {};
  on("frame tracks", markDifferences);
  picture.onpaint = () => { second.view = picture.view; second.draw(); second.sharpen(); };
  await loadOther();
  await second.load();
  await markDifferences();
}

/** What is around the picture. */
function build() {
  tool = new Tool(picture, (...edit) => actions.edit(...edit), tell);
  picture.tool = tool;
  picture.onerror = async (error) => { if (!(await askState())) tell(error.message, { stays: true }); };
  picture.onload = (frame) => { frames.ahead(frame); showLegend(); if (byId("show").value === "here") list.order(); };
  list = new TrackList(() => [...(picture.shown?.masks.track ?? [])]);
  panel = new TrackPanel(byId("track"));
  places = new Places(byId("places"));
  timeline = new Timeline(byId("timeline"));
  actions = new Actions({ picture, tool, places, timeline, show, tell, wait, showEdit, follow });
  list.onpick = (track) => {
    if (state.frame < state.tracks.first[track] || state.frame > state.tracks.last[track]) goTo(state.tracks.first[track]);
  };
  list.onopen = () => show("track");
  on("hovered frame", showCrumbs);
  on("selected tool tracks", showTools);
  on("look frame", () => { showLegend(); byId("frame").value = state.frame; });
  wire();
}

/** The first picture comes first: it is fetched with the facts, in its own size, and all else follows. */
async function begin() {
  const began = performance.now();
  frames.get(0).catch(() => {});
  await loadFacts();
  picture = new Picture(byId("canvas"), frames);
  picture.onerror = (error) => tell(error.message, { stays: true });
  picture.onwait = wait;
  picture.resize();
  await picture.load();
  document.documentElement.dataset.picture = "yes";
  const firstPictureMs = performance.now() - began;
  await loadTracks();
  build();
  picture.onload(state.frame);
  list.order();
  byId("frame").value = state.frame;
  await askState();
  showEdits();
  if (state.whyGrey) tell(`Masks are shown on grey: ${state.whyGrey}`, { stays: true });
  if (state.facts.stores > 1) await compare();
  window.overseg = { state, picture, frames, timeline, tool, actions, list, places, askState, firstPictureMs };
  state.isShown = true;
  document.documentElement.dataset.ready = "yes";
  setInterval(askState, ASK_EVERY_MS);
}

function wire() {
  byId("previous").onclick = () => { actions.stop(); goTo(state.frame - 1); };
  byId("next").onclick = () => { actions.stop(); goTo(state.frame + 1); };
  byId("play").onclick = () => actions.play();
  byId("undo").onclick = () => actions.edit({ do: "undo" });
  byId("redo").onclick = () => actions.edit({ do: "redo" });
  byId("help").onclick = () => actions.help();
  byId("cancel").onclick = () => byId("naming").close(); // Enter takes the other button
  byId("frame").addEventListener("change", () => { goTo(Number(byId("frame").value)); byId("frame").value = state.frame; });
  byId("colour").addEventListener("input", () => { state.colour = byId("colour").value; changed("look"); });
  byId("opacity").addEventListener("input", () => { state.opacity = byId("opacity").value / 100; picture.draw(); second?.draw(); });
  for (const name of ["tracks", "track", "places", "edits"]) byId(`tab-${name}`).onclick = () => show(name);
}

begin().catch((error) => { wait(""); tell(error.message, { stays: true }); });
