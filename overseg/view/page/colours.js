// The colours of masks: by track, depth, score or source.

const DEPTHS = [[255, 200, 87], [233, 114, 76], [197, 40, 61], [110, 48, 130], [37, 95, 133], [60, 160, 140]];
export const SOURCES = [["keyframe", [255, 200, 87]], ["forward", [86, 160, 230]], ["backward", [200, 120, 200]],
  ["edit", [90, 200, 120]]];

const BY = {
  depth: (masks, row) => DEPTHS[Math.min(masks.depth[row], DEPTHS.length - 1)],
  source: (masks, row) => SOURCES[masks.source[row]]?.[1] ?? [128, 128, 128],
  score: (masks, row) => {
    const share = Math.max(0, Math.min(1, (masks.score[row] / 255 - 0.4) / 0.6));
    return [Math.round(120 + 135 * share), Math.round(40 + 190 * share), Math.round(150 - 60 * share)];
  },
  track: (masks, row, ofTracks) => ofTracks.subarray(3 * masks.track[row], 3 * masks.track[row] + 3),
};

/** Red, green and blue of a mask; `ofTracks` has those of all tracks. */
export function colourOfMask(masks, row, by, ofTracks) {
  return BY[by](masks, row, ofTracks);
}
