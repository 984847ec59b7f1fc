// Small pictures of tracks: kept, and fetched two at a time where they are seen, while no frame is waited for.
import { state } from "./state.js";

const AT_ONCE = 2, MOST_KEPT = 400, LOOK_AGAIN_MS = 40;
const kept = new Map(); // address -> picture
const waiting = [];
let nRunning = 0;

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    waiting.push(target);
  }
  next();
});

/** The picture of a track on a frame, or in its middle; it appears when it is there. */
export function crop(track, frame, alt = "") {
  const at = frame === undefined ? "" : `frame=${frame}&`, address = `api/crop/${track}?${at}r=${state.tracks.revision}`;
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

function next() {
  if (nRunning >= AT_ONCE || !waiting.length) return;
  if (!state.isShown || state.isLoading) return void setTimeout(next, LOOK_AGAIN_MS);
  const picture = waiting.shift();
  if (picture.isConnected && !picture.src) {
    nRunning++;
    picture.onload = picture.onerror = () => { nRunning--; next(); };
    picture.src = picture.dataset.address;
  }
  next();
}
