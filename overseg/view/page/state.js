// What the page shows, and who wants to know when it changes.

export const state = {
  facts: null, tracks: null, colours: null, // of the store
  frame: 0, playing: false,
  selected: [], hovered: -1,
  colour: "track", opacity: 0.6,
  changedTracks: null, // by the latest edit; nothing if any may have changed
  order: [], // tracks in the order of the list
  seat: "", readOnly: "", whyGrey: "", // whether this window may edit, and whether there is a video
  isShown: false, isLoading: false, // the page; a frame
  tool: null, // a correction that is being made
};

const listeners = new Map();

/** Call `listener` whenever one of these things changed: "frame", "selected", "hovered", "tracks", "look", "order", "tool". */
export function on(names, listener) {
  for (const name of names.split(" ")) listeners.set(name, [...(listeners.get(name) ?? []), listener]);
}

export function changed(name) {
  for (const listener of listeners.get(name) ?? []) listener();
}

export function goTo(frame) {
  const next = Math.max(0, Math.min(state.facts.frames - 1, Math.round(frame)));
  if (next === state.frame || Number.isNaN(next)) return;
  state.frame = next;
  changed("frame");
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
