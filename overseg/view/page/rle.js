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

/** The outline between pixels, as a path of closed lines in pixels of the picture: whole, so that dashes are seen. */
export function outline(ends, height) {
  const next = new Map(), side = height + 1; // from each corner, x * side + y, to the next one, with the mask on the right
  const add = (x1, y1, x2, y2) => {
    const from = x1 * side + y1, to = x2 * side + y2, other = next.get(from);
    next.set(from, other === undefined ? to : [other, to]); // two where pixels touch with a corner
  };
  let x = -1, last = [];
  for (const [column, here] of columnsOf(ends, height)) {
    if (column > x + 1) { between(x + 1, last, [], add); last = []; }
    between(column, last, here, add);
    for (let at = 0; at < here.length; at += 2) {
      add(column, here[at], column + 1, here[at]);
      add(column + 1, here[at + 1], column, here[at + 1]);
    }
    [x, last] = [column, here];
  }
  between(x + 1, last, [], add);
  return chained(next, side);
}

/** The columns of a mask that are not empty, each with the rows where its runs begin and end. */
function* columnsOf(ends, height) {
  let column = -1, here = [];
  for (let run = 1; run < ends.length; run += 2) {
    for (let at = ends[run - 1]; at < ends[run];) {
      const x = Math.floor(at / height), stop = Math.min(ends[run], (x + 1) * height);
      if (x !== column && here.length) { yield [column, here]; here = []; }
      column = x;
      here.push(at - x * height, stop - x * height);
      at = stop;
    }
  }
  if (here.length) yield [column, here];
}

/** The upright edges where one of two neighbouring columns is in the mask and the other is not. */
function between(x, left, right, add) {
  let l = 0, r = 0, before = 0;
  while (l < left.length || r < right.length) {
    const y = Math.min(left[l] ?? Infinity, right[r] ?? Infinity), isLeft = l % 2, isRight = r % 2;
    if (isLeft !== isRight) { if (isRight) add(x, y, x, before); else add(x, before, x, y); }
    while (left[l] === y) l++;
    while (right[r] === y) r++;
    before = y;
  }
}

/** Edges as closed lines; a straight line has no corners in it. */
function chained(next, side) {
  const path = new Path2D();
  for (const start of next.keys()) {
    let at = start, isAcross = null;
    path.moveTo(Math.floor(start / side), start % side);
    do {
      const found = next.get(at), to = Array.isArray(found) ? found[1] : found, x = Math.floor(at / side);
      if (Array.isArray(found)) next.set(at, found[0]); else next.delete(at);
      const goesAcross = Math.floor(to / side) !== x;
      if (isAcross !== null && goesAcross !== isAcross) path.lineTo(x, at % side);
      isAcross = goesAcross;
      at = to;
    } while (at !== start);
    path.closePath();
  }
  return path;
}
