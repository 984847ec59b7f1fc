// Masks as run lengths: COCO's compressed strings, column by column; a mask is held as the ends of its runs.

/** The ends of all runs, in pixels x * height + y; runs alternate from background to mask. */
export function decode(bytes, start = 0, stop = bytes.length) {
  const ends = new Uint32Array(stop - start);
  const lengths = [0, 0, 0];
  let n = 0, sum = 0, at = start;
  while (at < stop) {
    let value = 0, shift = 0, byte;
    do {
      byte = bytes[at++] - 48;
      value += (byte & 31) * 2 ** shift;
      shift += 5;
    } while (byte & 32 && at < stop);
    if (byte & 16) value -= 2 ** shift;
    if (n > 2) value += lengths[(n - 2) % 3];
    lengths[n % 3] = value;
    sum += value;
    ends[n++] = sum;
  }
  return ends.slice(0, n);
}

/** The compressed string of the ends of runs. */
export function encode(ends) {
  let text = "";
  const lengths = Array.from(ends, (end, n) => end - (n ? ends[n - 1] : 0));
  lengths.forEach((length, n) => {
    let value = n > 2 ? length - lengths[n - 2] : length;
    for (let more = true; more;) {
      let group = value & 31;
      value >>= 5;
      more = group & 16 ? value !== -1 : value !== 0;
      if (more) group |= 32;
      text += String.fromCharCode(group + 48);
    }
  });
  return text;
}

/** Whether a pixel number is inside. */
export function contains(ends, pixel) {
  let low = 0, high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] <= pixel) low = middle + 1; else high = middle;
  }
  return low % 2 === 1;
}

/** A mask as bytes of 0 and 1, column by column. */
export function toPixels(ends, n) {
  const pixels = new Uint8Array(n);
  for (let run = 1; run < ends.length; run += 2) pixels.fill(1, ends[run - 1], ends[run]);
  return pixels;
}

/** The ends of runs of bytes of 0 and 1. */
export function fromPixels(pixels) {
  const ends = [];
  let value = 0;
  for (let at = 0; at < pixels.length; at++) {
    if (pixels[at] !== value) {
      ends.push(at);
      value = pixels[at];
    }
  }
  ends.push(pixels.length);
  return Uint32Array.from(ends);
}

/** The outline between pixels, as a path in pixels of the picture. */
export function outline(ends, height) {
  const path = new Path2D();
  let column = -1, here = [], before = [];
  const close = () => {
    const edges = [...before, ...here].sort((a, b) => a - b);
    for (let at = 0; at < edges.length; at += 2) {
      if (edges[at] === edges[at + 1]) continue;
      path.moveTo(column, edges[at]);
      path.lineTo(column, edges[at + 1]);
    }
    for (const y of here) {
      path.moveTo(column, y);
      path.lineTo(column + 1, y);
    }
    before = here;
    here = [];
  };
  const moveTo = (next) => {
    while (column < next) {
      if (column >= 0) close();
      column = before.length ? column + 1 : next;
    }
  };
  for (let run = 1; run < ends.length; run += 2) {
    let start = ends[run - 1];
    while (start < ends[run]) {
      const x = Math.floor(start / height), stop = Math.min(ends[run], (x + 1) * height);
      moveTo(x);
      here.push(start - x * height, stop - x * height);
      start = stop;
    }
  }
  if (column >= 0) {
    close();
    column++;
    close();
  }
  return path;
}
