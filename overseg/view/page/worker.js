// Decodes the masks of a frame, and paints them: large ones below, small ones on top, each with an outline.
import { decode } from "./rle.js";

const FILL = 128, LINE = 240;

self.onmessage = async ({ data }) => {
  if (data.paint) {
    const overlay = await paint(data.masks, data.size, data.colours);
    self.postMessage({ id: data.id, overlay }, [overlay]);
    return;
  }
  const masks = read(data.buffer);
  self.postMessage({ id: data.id, masks });
};

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

async function paint(masks, [width, height], colours) {
  const layer = new Uint16Array(width * height);
  for (let place = 0; place < masks.order.length; place++) {
    const ends = masks.ends[masks.order[place]];
    for (let run = 1; run < ends.length; run += 2) layer.fill(place + 1, ends[run - 1], ends[run]);
  }
  const fills = new Uint32Array(masks.n + 1), lines = new Uint32Array(masks.n + 1);
  masks.order.forEach((row, place) => {
    const [r, g, b] = colours.subarray(3 * row, 3 * row + 3);
    fills[place + 1] = (FILL << 24) | (b << 16) | (g << 8) | r;
    lines[place + 1] = (LINE << 24) | (Math.min(255, b + 34) << 16) | (Math.min(255, g + 34) << 8) | Math.min(255, r + 34);
  });
  const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  const TILE = 32; // columns and rows at once, as one of the two orders is not that of memory
  for (let left = 0; left < width; left += TILE) {
    const right = Math.min(width, left + TILE);
    for (let top = 0; top < height; top += TILE) {
      const bottom = Math.min(height, top + TILE);
      for (let x = left; x < right; x++) {
        const isInner = x > 0 && x < width - 1;
        for (let y = top, at = x * height + top; y < bottom; y++, at++) {
          const here = layer[at];
          if (!here) continue;
          const isLine = (y > 0 && layer[at - 1] !== here) || (y < height - 1 && layer[at + 1] !== here)
            || (isInner && (layer[at - height] !== here || layer[at + height] !== here));
          pixels[y * width + x] = isLine ? lines[here] : fills[here];
        }
      }
    }
  }
  return createImageBitmap(image);
}
