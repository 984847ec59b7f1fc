// Fetches and decodes the masks of a frame, and paints them: large ones below, small ones on top, each with an outline.
import { colourOfMask } from "./colours.js";
import { decode } from "./rle.js";

const FILL = 128, LINE = 240;
const TILE = 32; // columns and rows at once, as one of the two orders is not that of memory
const kept = new Map(); // frame -> promise of its masks
let canvas, painting = Promise.resolve();

self.onmessage = async ({ data }) => {
  if (data.drop !== undefined) return void kept.delete(data.drop);
  try {
    const [found, transferred] = await (data.get === undefined ? paint(data) : get(data));
    self.postMessage({ id: data.id, found }, transferred);
  } catch (error) {
    self.postMessage({ id: data.id, error: error.message });
  }
};

async function get({ get: frame, address, masks }) {
  kept.set(frame, masks ? Promise.resolve(read(Uint8Array.from(atob(masks), (one) => one.charCodeAt(0)).buffer)) : fetched(address));
  return [await kept.get(frame), []];
}

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? `the server answered ${response.status}`);
  return read(await response.arrayBuffer());
}

async function paint({ paint: frame, whole, size, by, ofTracks }) {
  const masks = await kept.get(frame);
  if (!masks) throw new Error(`the masks of frame ${frame} are gone`);
  painting = painting.then(() => painted(masks, whole, size, (row) => colourOfMask(masks, row, by, ofTracks)));
  const bitmap = await painting;
  return [bitmap, [bitmap]];
}

function read(buffer) {
  const view = new DataView(buffer), n = view.getUint32(0, true);
  let at = 4;
  const column = (Type) => {
    const values = new Type(buffer.slice(at, at + n * Type.BYTES_PER_ELEMENT));
    at += n * Type.BYTES_PER_ELEMENT;
    return values;
  };
  const masks = { n, track: column(Int32Array), area: column(Int32Array), left: column(Int32Array), top: column(Int32Array),
    width: column(Int32Array), height: column(Int32Array), regionLow: column(Uint32Array), regionHigh: column(Uint32Array),
    stop: column(Uint32Array), depth: column(Uint8Array), source: column(Uint8Array), score: column(Uint8Array) };
  const bytes = new Uint8Array(buffer, at);
  masks.ends = Array.from({ length: n }, (_, row) => decode(bytes, row ? masks.stop[row - 1] : 0, masks.stop[row]));
  masks.order = Uint32Array.from({ length: n }, (_, row) => row).sort(
    (a, b) => masks.area[b] - masks.area[a] || masks.track[a] - masks.track[b]);
  return masks;
}

/** The masks of a `whole` picture as a bitmap of a size. */
async function painted(masks, whole, size, colourOf) {
  const { layer, image } = canvasOf(size), isWhole = whole[0] === size[0];
  for (let place = 0; place < masks.order.length; place++) {
    const ends = masks.ends[masks.order[place]];
    if (isWhole) for (let run = 1; run < ends.length; run += 2) layer.fill(place + 1, ends[run - 1], ends[run]);
    else fillShrunk(layer, place + 1, ends, whole, size);
  }
  const fills = new Uint32Array(masks.n + 1), lines = new Uint32Array(masks.n + 1);
  masks.order.forEach((row, place) => {
    const [r, g, b] = colourOf(row);
    fills[place + 1] = (FILL << 24) | (b << 16) | (g << 8) | r;
    lines[place + 1] = (LINE << 24) | (Math.min(255, b + 34) << 16) | (Math.min(255, g + 34) << 8) | Math.min(255, r + 34);
  });
  colour(new Uint32Array(image.data.buffer), layer, size, fills, lines);
  return createImageBitmap(image);
}

/** Put a mask on a smaller layer, column by column. No run becomes empty, so that thin masks stay. */
function fillShrunk(layer, value, ends, [width, height], size) {
  const across = size[0] / width, down = size[1] / height, last = size[1] - 1;
  for (let run = 1; run < ends.length; run += 2) {
    const stop = ends[run];
    for (let at = ends[run - 1]; at < stop;) {
      const x = Math.floor(at / height), top = x * height, bottom = Math.min(stop, top + height);
      const from = Math.min(last, Math.round((at - top) * down)), first = Math.floor(x * across) * size[1];
      layer.fill(value, first + from, first + Math.max(from + 1, Math.round((bottom - top) * down)));
      at = bottom;
    }
  }
}

/** An empty layer of places, column by column, and a picture; both are used again, as new memory takes long. */
function canvasOf([width, height]) {
  if (canvas?.image.width !== width || canvas.image.height !== height) {
    canvas = { layer: new Uint16Array(width * height), image: new ImageData(width, height) };
  }
  canvas.layer.fill(0);
  return canvas;
}

/** Colour pixels, row by row, by the places on a layer; a pixel beside one of another place is part of an outline. */
function colour(pixels, layer, [width, height], fills, lines) {
  for (let left = 0; left < width; left += TILE) {
    const right = Math.min(width, left + TILE);
    for (let top = 0; top < height; top += TILE) {
      const bottom = Math.min(height, top + TILE);
      for (let x = left; x < right; x++) {
        const before = x > 0 ? height : 0, after = x < width - 1 ? height : 0, first = x * height, last = first + height - 1;
        for (let at = first + top, to = top * width + x, stop = first + bottom; at < stop; at++, to += width) {
          const here = layer[at];
          const isLine = layer[at - before] !== here || layer[at + after] !== here
            || (at > first && layer[at - 1] !== here) || (at < last && layer[at + 1] !== here);
          pixels[to] = isLine ? lines[here] : fills[here];
        }
      }
    }
  }
}
