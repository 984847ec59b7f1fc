// What the server says of the result: facts, the columns of its tracks, and what edits changed of them.
import { getJson } from "./api.js";
import { state } from "./state.js";

const byId = (id) => document.getElementById(id);
const renamed = new Set(); // tracks with another name than in the list

export async function loadFacts() {
  state.facts = await getJson("api/facts");
  const { facts } = state;
  document.title = `${facts.store} · overseg`;
  byId("title").textContent = facts.final ? facts.name : `${facts.name} · the run is not complete`;
  byId("title").title = facts.store;
  byId("frames").textContent = `of ${facts.frames - 1}`;
  state.readOnly = facts.readOnly;
  setColours(facts.colours);
}

export async function loadTracks() {
  state.tracks = await getJson("api/tracks");
  state.selected = state.selected.filter((track) => state.tracks.length[track]);
  state.revision = state.tracks.revision;
  allChanged(state.revision);
}

/** Any track may have other masks and figures since a revision. */
function allChanged(revision) {
  state.changedTracks = null;
  state.masksSince = revision;
  state.masksOf.clear();
}

/** Take over the names of tracks. */
export function rename(names) {
  const { tracks } = state, isOther = (track) => String(tracks.names[track]) !== String(names[track]);
  for (const track of Object.keys({ ...tracks.names, ...names })) if (isOther(track)) renamed.add(Number(track));
  tracks.names = names;
}

/** Take over what edits changed of the tracks. */
export function changeTracks({ revision, n, rows, masked }) {
  const { tracks } = state, { track: changedTracks, ...columns } = rows;
  for (const [name, values] of Object.entries(columns)) {
    tracks[name].length = n;
    changedTracks.forEach((track, at) => { tracks[name][track] = values[at]; });
  }
  tracks.revision = revision;
  state.changedTracks = [...new Set([...changedTracks, ...masked ?? [], ...renamed])];
  renamed.clear();
  for (const track of masked ?? []) state.masksOf.set(track, revision);
  if (!masked) allChanged(revision);
  if (!state.selected.every((track) => tracks.length[track])) state.selected = state.selected.filter((track) => tracks.length[track]);
}

export function setColours(hex) { state.colours = bytesOf(hex); }

export function bytesOf(hex) { return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)); }
