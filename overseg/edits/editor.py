"""Making edits: each one is checked, written to the journal, and shown at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from overseg.data.rles import Rles
from overseg.data.track_names import check_name
from overseg.edits.anchors import active
from overseg.edits.coding import checked_counts
from overseg.edits.edit import Correct, Drop, Edit, Entry, Masks, Merge, Name, New, Redo, Restore, Split, TrackRef, Undo
from overseg.edits.journal import append_entry, read_journal
from overseg.edits.mask_maker import Click, MaskMaker
from overseg.edits.plan import anchors_of
from overseg.edits.reading import dropped_tracks, with_journal
from overseg.edits.words import edit_in_words
from overseg.errors import OversegError, SettingsError, StoreError
from overseg.files.atomic import OURS
from overseg.store.places import folder_at
from overseg.store.result import Result, open_result

EDITS_LOCK = f"{OURS}edits-lock"
_INSIDE = 0.9  # share of a new mask that lies in the track that it is part of
_MOST_FRAMES = 100_000  # in one edit


class Editor:
    """Changes a result, and keeps the changes in the journal beside it. Use it as a context manager.

    Example:
        >>> with overseg.open("cup.zarr").edit() as edit:  # doctest: +SKIP
        ...     edit.merge(13, 73, 125)
        ...     edit.name(13, "cup", category="dish")

    Attributes:
        result: the result with all edits so far.
    """

    def __init__(self, store: str | Path, maker: MaskMaker | None = None) -> None:
        """
        Args:
            store: the store; only one process at a time can edit it.
            maker: makes masks of clicks, and propagates them; closed with the editor.

        Raises:
            StoreError: there is no result, another process edits it, or the journal cannot be read or written.
        """
        self._folder, self._maker = folder_at(store), maker
        self.result: Result = open_result(store)
        try:
            self._lock = self._folder.lock_named(EDITS_LOCK)
        except StoreError as e:
            raise StoreError(
                f"another process edits {store}: close the other window or wait, or look at it with --read-only"
            ) from e
        except OSError as e:
            raise StoreError(f"cannot edit {store}: {e.strerror or e}; check permissions") from e
        try:
            self._content = read_journal(self._folder, self.result.size)
            self.result = with_journal(self.result, self._content)
        except OversegError:
            self._lock.release()
            raise

    def __enter__(self) -> "Editor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others edit. A second call does nothing."""
        self._lock.release()
        if self._maker is not None:
            self._maker.close()

    def reopen(self) -> None:
        """Read the store's current result again, after a run published another one."""
        self.result = with_journal(open_result(self._folder.address), self._content)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of the journal, in order."""
        return self._content.entries

    def name(self, track: int, name: str, *, category: str | None = None) -> None:
        """Give a track a name; an empty name takes it away.

        Args:
            track: its number.
            name: of this one object, such as "left cup".
            category: of its kind, such as "cup"; None for the name.

        Raises:
            SettingsError: there is no such track.
            InputError: the name is too long or cannot be printed.
        """
        if name.strip():
            name = check_name(name, place="name")
            category = name if category is None else check_name(category, place="category")
        self._add(Name(self._existing(track), name.strip(), category or "" if name.strip() else ""))

    def merge(self, track: int, *others: int) -> None:
        """Make several tracks one, which keeps the first number. Where several have a mask, their union is shown.

        Raises:
            SettingsError: there is no such track, one is given twice, or there are fewer than two.
        """
        if not others or len({track, *others}) <= len(others):
            raise SettingsError(f"merge takes two or more different tracks, got {_listed([track, *others])}")
        self._add(Merge(self._existing(track), tuple(map(self._existing, others))))

    def split(self, track: int, *, at: int) -> int:
        """Cut a track in two: its masks from frame `at` on become a new track, whose number is returned.

        Raises:
            SettingsError: there is no such track, or it has no masks before or from this frame on.
        """
        ref, tracks = self._existing(track), self.result.tracks
        if not tracks.first_frame[track] < at <= tracks.last_frame[track]:
            raise SettingsError(
                f"track {track} is on frames {tracks.first_frame[track]} to {tracks.last_frame[track]}: it can be "
                f"split from frame {tracks.first_frame[track] + 1} on, not at {at}"
            )
        self._add(Split(ref, at))
        return self.result.n_tracks - 1

    def drop(self, *tracks: int) -> None:
        """Delete tracks, which one `undo` brings back. SettingsError if one does not exist, or none is given."""
        if not tracks:
            raise SettingsError("drop takes one or more tracks, got none")
        first, *others = [self._existing(track) for track in dict.fromkeys(tracks)]
        self._add(Drop(first, tuple(others)))

    def restore(self, track: int) -> None:
        """Bring a deleted track back. SettingsError if it is not deleted."""
        dropped = dropped_tracks(self.result)
        if track not in dropped:
            raise SettingsError(f"track {track} is not deleted; deleted are: {_listed(sorted(dropped))}")
        self._add(Restore(anchors_of(self.result.as_found, self.entries).refer(track)))

    def correct(
        self, track: int, masks: Mapping[int, Bool[np.ndarray, "h w"] | Rles | bytes], *, how: str = "drawn"
    ) -> None:
        """Replace the masks of a track on some frames; an empty mask takes it away there.

        Args:
            track: its number.
            masks: by frame: bool [h, w], one mask as `Rles`, or a compressed COCO string.
            how: "drawn", "prompted" or "propagated".

        Raises:
            SettingsError: there is no such track or frame, or a mask has another size.
        """
        self._add(Correct(self._existing(track), self._checked(masks), how))

    def new(self, masks: Mapping[int, Bool[np.ndarray, "h w"] | Rles | bytes], *, how: str = "drawn") -> int:
        """Make a new track, and return its number. The arguments are those of `correct`.

        Raises:
            SettingsError: there is no mask with a pixel, no such frame, or a mask has another size.
        """
        checked = tuple((frame, counts) for frame, counts in self._checked(masks) if counts)
        if not checked:
            raise SettingsError("a new track takes at least one mask with a pixel: there is none")
        self._add(New(checked, self._whole_of(*checked[0]), how))
        return self.result.n_tracks - 1

    def prompt(
        self, track: int, frame: int, *, points: Sequence[Click] = (), box_xyxy: Sequence[float] | None = None
    ) -> float:
        """Replace the mask of a track on a frame by the one that SAM makes of clicks and a box.

        Args:
            track: its number.
            frame: number of the frame.
            points: (x, y, label) in pixels; label 1 on the object, 0 beside it.
            box_xyxy: (x1, y1, x2, y2) around the object, in pixels; None for none.

        Returns:
            its predicted IoU, in [0, 1].

        Raises:
            SettingsError: there is no such track, frame or place, or neither a point nor a box.
            InputError: the video is missing.
        """
        self._existing(track)
        counts, score = self._prompted(frame, points, box_xyxy)
        self.correct(track, {frame: counts}, how="prompted")
        return score

    def prompt_new(self, frame: int, *, points: Sequence[Click] = (), box_xyxy: Sequence[float] | None = None) -> int:
        """Make a new track of clicks and a box, and return its number; see `prompt`."""
        return self.new({frame: self._prompted(frame, points, box_xyxy)[0]}, how="prompted")

    def propagate(self, track: int, frame: int) -> int:
        """Propagate the mask of a frame to its neighbours, up to the next corrections, or else to the next keyframes.

        Returns:
            the number of frames that it was propagated to.

        Raises:
            SettingsError: there is no such track or frame, or it has no mask there.
            InputError: the video is missing.
        """
        self._existing(track)
        self._check_frame(frame)
        masks = self._making.propagated(self.result, track, frame)
        if masks:
            self.correct(track, masks, how="propagated")
        return len(masks)

    def undo(self) -> str:
        """Take the last edit back, and return it in words. SettingsError if there is none."""
        done, _ = active(self.entries)
        if not done:
            raise SettingsError("there is no edit to take back")
        self._add(Undo())
        return edit_in_words(done[-1].edit)

    def redo(self) -> str:
        """Make the edit again that was taken back last, and return it in words. SettingsError if there is none."""
        _, undone = active(self.entries)
        if not undone:
            raise SettingsError("there is no edit to make again")
        self._add(Redo())
        return edit_in_words(undone[-1].edit)

    @property
    def _making(self) -> MaskMaker:
        if self._maker is None:
            raise SettingsError("this editor makes no masks of clicks: get one from `overseg.open(...).edit()`")
        return self._maker

    def _prompted(self, frame: int, points: Sequence[Click], box_xyxy: Sequence[float] | None) -> tuple[bytes, float]:
        self._check_frame(frame)
        return self._making.prompted(self.result, frame, points=points, box_xyxy=box_xyxy)

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < len(self.result):
            raise SettingsError(f"frame {frame} is not there: the frames are 0 to {len(self.result) - 1}")

    def _add(self, edit: Edit) -> None:
        time = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(len(self.entries) + 1, time, self.result.version, edit)
        self._content = append_entry(self._folder, self._content, entry)
        self.result = with_journal(self.result, self._content)

    def _existing(self, track: int) -> TrackRef:
        tracks = self.result.tracks
        if not 0 <= track < len(tracks) or not tracks.exists[track]:
            what = "is deleted or merged into another" if 0 <= track < len(tracks) else "is not there"
            raise SettingsError(f"track {track} {what}: `overseg tracks {self.result.path}` lists the tracks")
        return anchors_of(self.result.as_found, self.entries).refer(track)

    def _checked(self, masks: Mapping[int, Bool[np.ndarray, "h w"] | Rles | bytes]) -> Masks:
        if not masks or len(masks) > _MOST_FRAMES:
            raise SettingsError(f"expected masks of 1 to {_MOST_FRAMES} frames, got {len(masks)}")
        for frame in masks:
            self._check_frame(frame)
        return tuple((frame, self._counts(masks[frame])) for frame in sorted(masks))

    def _counts(self, mask: Bool[np.ndarray, "h w"] | Rles | bytes) -> bytes:
        size = self.result.size
        if isinstance(mask, bytes):
            try:
                rles = Rles(size, (checked_counts(mask, size),) if mask else ())
            except ValueError as e:
                raise SettingsError(f"cannot use a mask: {e}") from e
        else:
            rles = mask if isinstance(mask, Rles) else Rles.from_masks(np.asarray(mask, bool)[None])
        if rles.size != size or len(rles) > 1:
            raise SettingsError(f"expected one mask of height and width {size}, got {len(rles)} of {rles.size}")
        return rles.counts[0] if len(rles) and rles.area_px()[0] else b""

    def _whole_of(self, frame: int, counts: bytes) -> TrackRef | None:
        """The smallest track that contains a mask on its frame."""
        masks, mask = self.result.masks_at(frame), Rles(self.result.size, (counts,))
        area_px = masks.rles.area_px()
        holds = np.flatnonzero((mask.share_inside(masks.rles)[0] >= _INSIDE) & (area_px > mask.area_px()[0]))
        if not len(holds):
            return None
        return self._existing(int(masks.track[holds[np.argmin(area_px[holds])]]))


def _listed(tracks: list[int]) -> str:
    return ", ".join(map(str, tracks)) or "none"
