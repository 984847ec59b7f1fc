// What the page shows, and who wants to know when it changes.

const QUIET_MS = 150, MOST_WAIT_MS = 3000, LOOK_AGAIN_MS = 40;

export const state = {
  facts: null, tracks: null, colours: null, // of the store
  frame: 0, playing: false,
  selected: [], hovered: -1,
  colour: "track", opacity: 0.6,
  revision: 0, // of the result that the picture shows; after an edit `tracks` follows a little later
  changedTracks: null, // by the latest edit; nothing if any may have changed
  masksSince: 0, masksOf: new Map(), // the revision since which tracks have the same masks: of most, and of some
  order: [], // tracks in the order of the list
  seat: "", readOnly: "", whyGrey: "", // whether this window may edit, and whether there is a video
  isShown: false, isLoading: false, nEdits: 0, hurriedAt: 0, // the page; a frame; edits under way; see `hurry`
  tool: null, // a correction that is being made
};

const listeners = new Map();

/** Call `listener` whenever one of these things changed: "frame", "selected", "hovered", "masks", "tracks", "look", "order", "tool". */
export function on(names, listener) {
  for (const name of names.split(" ")) listeners.set(name, [...(listeners.get(name) ?? []), listener]);
}

export function changed(name) {
  for (const listener of listeners.get(name) ?? []) listener();
}

export function goTo(frame) {
  const next = Math.max(0, Math.min(state.facts.frames - 1, Math.round(frame)));
  if (next === state.frame || Number.isNaN(next)) return;
  hurry();
  state.frame = next;
  changed("frame");
}

/** Somebody waits for something: what can wait is left for a moment. */
export function hurry() { state.hurriedAt = performance.now(); }

/** Wait until nobody waits for a frame or an edit, and a moment longer; three seconds at most, once the page is shown. */
export async function quiet() {
  const latest = performance.now() + MOST_WAIT_MS;
  const isBusy = () => state.isLoading || state.nEdits > 0 || performance.now() - state.hurriedAt < QUIET_MS;
  while (!state.isShown || (isBusy() && performance.now() < latest)) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
}

export function select(tracks, { add = false } = {}) {
  const others = add ? state.selected.filter((track) => !tracks.includes(track)) : [];
  const toggled = add ? tracks.filter((track) => !state.selected.includes(track)) : tracks;
  state.selected = [...others, ...toggled];
  changed("selected");
}

export function nameOf(track) {
  return state.tracks?.names[track]?.[0] ?? `track ${track}`;
}

export function colourOf(track) {
  const at = 3 * track;
  return `rgb(${state.colours[at]} ${state.colours[at + 1]} ${state.colours[at + 2]})`;
}
