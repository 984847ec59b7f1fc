// Small pictures of tracks: kept, and fetched one by one where they are seen, while nobody waits for anything else.
import { quiet, state } from "./state.js";

const MOST_KEPT = 400;
const kept = new Map(); // address -> picture
const waiting = [];
let isFetching = false;

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    waiting.push(target);
  }
  if (!isFetching) fetchWaiting();
});

/** The picture of a track on a frame, or in its middle; it appears when it is there. */
export function crop(track, frame, alt = "") {
  const at = frame === undefined ? "" : `frame=${frame}&`, since = state.masksOf.get(track) ?? state.masksSince;
  const address = `api/crop/${track}?${at}r=${since}`;
  const known = kept.get(address), picture = known && !known.isConnected ? known : Object.assign(new Image(), { alt });
  kept.delete(address);
  kept.set(address, picture); // the latest is last
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  if (!picture.src) {
    picture.dataset.address = address;
    seen.observe(picture);
  }
  return picture;
}

async function fetchWaiting() {
  isFetching = true;
  for (await quiet(); waiting.length; await quiet()) {
    const picture = waiting.shift();
    if (!picture.isConnected || picture.src) continue;
    await new Promise((resolve) => {
      picture.onload = picture.onerror = resolve;
      picture.src = picture.dataset.address;
    });
  }
  isFetching = false;
}
