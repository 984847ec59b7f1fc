"""From a journal's entries to what they mean for one result."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from overseg.data.track_names import TrackName
from overseg.edits.anchors import Anchors, active, refs_of
from overseg.edits.edit import MAKES_A_TRACK, Correct, Drop, Entry, Merge, Name, New, Restore, Split, TrackRef
from overseg.edits.steps import Move, Put, Step
from overseg.store.result import Result


@dataclass
class Plan:
    """The edits of one result, with tracks by number.

    Attributes:
        n_tracks: number of tracks, those that edits made included.
        steps: what happens to masks, in order.
        dropped: tracks that are deleted.
        names: of the tracks that have one.
        parents: for each track that a `New` made, the track that contains it.
        done: the entries that count.
        undone: those that can be made again.
        lost: entries that count, but whose tracks or frames do not exist in this result.
    """

    n_tracks: int
    steps: list[Step] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    names: dict[int, TrackName] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    done: list[Entry] = field(default_factory=list)
    undone: list[Entry] = field(default_factory=list)
    lost: list[Entry] = field(default_factory=list)

    @property
    def touched(self) -> set[int]:
        """The tracks whose masks may differ from the stored ones."""
        moved = (track for step in self.steps for track in (step.target, *step.sources))
        return {*moved, *self.dropped}

    def moved_beside(self, other: "Plan") -> set[int]:
        """The tracks that the steps move in which two plans of one result differ."""
        pairs = enumerate(zip(self.steps, other.steps, strict=False))
        n_equal = next((n for n, (one, two) in pairs if one != two), min(len(self.steps), len(other.steps)))
        differing = self.steps[n_equal:] + other.steps[n_equal:]
        return {track for step in differing for track in (step.target, *step.sources)}


def anchors_of(result: Result, entries: Sequence[Entry]) -> Anchors:
    """Return the anchors for a result as it was published, and the entries of its journal."""
    return Anchors(result, [entry.number for entry in entries if isinstance(entry.edit, MAKES_A_TRACK)])


def plan_of(result: Result, entries: Sequence[Entry], anchors: Anchors) -> Plan:
    """Return what the entries mean for a result as it was published."""
    done, undone = active(entries)
    plan = Plan(anchors.n_tracks, names=dict(result.names), undone=undone)
    for entry in (part for whole in done for part in _parts(whole, anchors)):
        tracks = [anchors.find(ref, entry.version) for ref in refs_of(entry.edit)]
        found = [track for track in tracks if track is not None]
        if len(found) < len(tracks) or not _fits(entry, len(result)):
            plan.lost.append(entry)
        else:
            plan.done.append(entry)
            _add(plan, entry, found, anchors)
    return plan


def _parts(entry: Entry, anchors: Anchors) -> list[Entry]:
    """An entry, or where it deletes several tracks, one for those that exist and one for the others."""
    if not isinstance(entry.edit, Drop):
        return [entry]
    here, gone = list[TrackRef](), list[TrackRef]()
    for ref in refs_of(entry.edit):
        (gone if anchors.find(ref, entry.version) is None else here).append(ref)
    return [replace(entry, edit=Drop(refs[0], tuple(refs[1:]))) for refs in (here, gone) if refs]


def _fits(entry: Entry, n_frames: int) -> bool:
    """Whether the frames of an edit exist."""
    match entry.edit:
        case Split(at=at):
            return 0 < at < n_frames
        case Correct(masks=masks) | New(masks=masks):
            return all(frame < n_frames for frame, _ in masks)
    return True


def _add(plan: Plan, entry: Entry, tracks: list[int], anchors: Anchors) -> None:
    """Add one edit; `tracks` are those that it names, in the order of `refs_of`."""
    match entry.edit:
        case Name(name=name, category=category):
            plan.names.pop(tracks[0], None)
            if name:
                plan.names[tracks[0]] = TrackName(name, category)
        case Merge():
            _merge(plan, tracks[0], tuple(dict.fromkeys(track for track in tracks[1:] if track != tracks[0])))
        case Split(at=at):
            plan.steps.append(Move((tracks[0],), anchors.made(entry.number), at))
        case Drop():
            plan.dropped.update(tracks)
        case Restore():
            plan.dropped.discard(tracks[0])
        case Correct(masks=masks):
            plan.steps.append(Put(tracks[0], dict(masks)))
        case New(masks=masks, part_of=part_of):
            made = anchors.made(entry.number)
            plan.steps.append(Put(made, dict(masks)))
            whole = None if part_of is None else anchors.find(part_of, entry.version)
            if whole is not None:
                plan.parents[made] = whole


def _merge(plan: Plan, track: int, others: tuple[int, ...]) -> None:
    """Make tracks one; it keeps its name, or has the first one of the others."""
    plan.steps.append(Move(others, track))
    for other in others:
        name = plan.names.pop(other, None)
        if name is not None:
            plan.names.setdefault(track, name)
