"""The attributes of a store's root group: what it is the result of, and which of its results is current."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from overseg.errors import StoreError
from overseg.store.folder import METADATA, Folder
from overseg.store.integrity import is_sealed, sealed

FORMAT, FORMAT_VERSION = "overseg", 5
PARTS, RESULTS = "parts", "results"
_DIFFERENCES_SHOWN = 3


@dataclass(frozen=True)
class Root:
    """What the root group says.

    Attributes:
        identity: the video and the settings; two runs with the same identity have the same result.
        provenance: who made it: versions, weights, machine.
        size: (height, width) of every mask, in pixels.
        shots: [first frame, last frame] of every shot; None until they are found.
        result: name of the current result in the folder `results`; None before the first.
        final: nothing can be added any more.
        objects: name and category of every object that is followed, by number.
    """

    identity: dict[str, Any]
    provenance: dict[str, Any]
    size: tuple[int, int]
    shots: list[list[int]] | None = None
    result: str | None = None
    final: bool = False
    objects: list[dict[str, str]] = field(default_factory=list)

    def with_result(self, name: str | None, *, final: bool) -> "Root":
        return replace(self, result=name, final=final)


def as_json(tree: dict[str, Any]) -> dict[str, Any]:
    """The same tree as it comes back from disk: tuples are lists, keys are strings; a NaN is refused."""
    return json.loads(json.dumps(tree, allow_nan=False))


def write_group(folder: Folder, attributes: dict[str, Any]) -> None:
    """Write the metadata of a zarr group in one step, safely (zarr itself does not wait for the disk), and sealed."""
    metadata = {"zarr_format": 3, "node_type": "group", "attributes": sealed(attributes)}
    folder.write(METADATA, json.dumps(metadata, indent=2, allow_nan=False).encode())


def read_attributes(folder: Folder) -> dict[str, Any]:
    """What `write_group` was given.

    Raises:
        StoreError: there is no group, or it cannot be read.
    """
    try:
        attributes = json.loads(folder.read(METADATA))["attributes"]
        if not is_sealed(attributes):
            raise ValueError("its content is not what was written")
        return attributes
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise _unreadable(folder, str(e)) from e


def read_result_attributes(result: Folder) -> dict[str, Any]:
    """The attributes of a result's group: `files`, as in `integrity.Files`, `summary` and `names`.

    Raises:
        StoreError: there is no result, or they cannot be read.
    """
    attributes = read_attributes(result)
    files, summary = attributes.get("files"), attributes.get("summary")
    if not isinstance(summary, dict) or not isinstance(files, dict) or not all(map(_is_file, files.values())):
        raise _unreadable(result, "it is the group of something else")
    return attributes


def write_root(store: Folder, root: Root) -> None:
    """Make `root` what the store says, in one step."""
    attributes = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "size": list(root.size),
        "identity": root.identity,
        "provenance": root.provenance,
        "shots": root.shots,
        "result": root.result,
        "final": root.final,
        **({"objects": root.objects} if root.objects else {}),
    }
    write_group(store, attributes)


def read_root(store: Folder) -> Root:
    """What the store at this path says.

    Raises:
        StoreError: there is no store, a damaged one, or one of another format version.
    """
    attributes = _attributes(store)
    if attributes is None and (store / RESULTS).exists():
        raise _damaged(store, "it is no JSON of a store")
    if attributes is None:
        raise StoreError(
            f"expected a store made by `overseg run` at {store}, found "
            f"{'something else' if store.exists() else 'nothing'}; check the path"
        )
    try:
        version = attributes["format_version"]
        if version != FORMAT_VERSION:
            advice = "update overseg" if version > FORMAT_VERSION else "delete it and run again"
            raise StoreError(
                f"the store {store} has format version {version} and this overseg reads {FORMAT_VERSION}; "
                f"{advice}, or choose another path"
            )
        if not is_sealed(attributes):
            raise ValueError("its content is not what was written")
        return _root(attributes)
    except (KeyError, TypeError, IndexError, ValueError) as e:
        raise _damaged(store, repr(e)) from e


def _damaged(store: Folder, reason: str) -> StoreError:
    return StoreError(
        f"expected the attributes of a store in {store / METADATA}, found them damaged ({reason}); "
        "bring that file back, or choose another path"
    )


def is_store(folder: Folder) -> bool:
    """Whether an overseg store of any version lies there."""
    return _attributes(folder) is not None


def differences(stored: Root, root: Root) -> str:
    """What tells two identities apart, in words; empty if nothing does.

    Example:
        >>> stored, root = (Root({"settings": {"step": s}}, {}, (4, 6)) for s in (5, 10))
        >>> differences(stored, root)
        'settings.step: the store has 5, this run 10'
    """
    old, new = (dict(_leaves(r.identity | {"size": list(r.size)})) for r in (stored, root))
    names = [name for name in {**old, **new} if old.get(name, _MISSING) != new.get(name, _MISSING)]
    shown = [
        f"{name}: the store has {_short(old.get(name, _MISSING))}, this run {_short(new.get(name, _MISSING))}"
        for name in names[:_DIFFERENCES_SHOWN]
    ]
    if len(names) > _DIFFERENCES_SHOWN:
        shown.append(f"and {len(names) - _DIFFERENCES_SHOWN} more")
    return "; ".join(shown)


def _root(attributes: dict[str, Any]) -> Root:
    """Raises KeyError or ValueError where they are not those of a store."""
    said = {"objects": [], **attributes}
    if wrong := next((name for name, is_right in _RIGHT.items() if not is_right(said[name])), None):
        raise ValueError(f"{wrong} as no store has it")
    return Root(**{name: said[name] for name in _RIGHT} | {"size": (said["size"][0], said["size"][1])})


def _are_two_whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and len(numbers) == 2 and all(type(one) is int and one >= 0 for one in numbers)


_RIGHT: dict[str, Callable[[Any], bool]] = {
    "identity": lambda value: isinstance(value, dict),
    "provenance": lambda value: isinstance(value, dict),
    "size": _are_two_whole,
    "shots": lambda value: value is None or (isinstance(value, list) and all(map(_are_two_whole, value))),
    "result": lambda value: value is None or (isinstance(value, str) and value.isdecimal()),
    "final": lambda value: isinstance(value, bool),
    "objects": lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
}
"""Whether an attribute is of the kind that a store has."""


def _unreadable(folder: Folder, reason: str) -> StoreError:
    return StoreError(
        f"cannot read {folder / METADATA} ({reason}); open the store again, and if that does not help, see "
        "`overseg repair`"
    )


def _is_file(found: Any) -> bool:
    """Whether it is what `integrity.Files` has for a file."""
    return isinstance(found, list) and [type(one) for one in found] == [int, str]


_MISSING = object()


def _leaves(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, f"{name}.{key}" if name else key)
    else:
        yield name, tree


def _short(value: Any) -> str:
    text = "nothing" if value is _MISSING else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _attributes(store: Folder) -> dict[str, Any] | None:
    """The root's attributes; None where there is no overseg store."""
    try:
        attributes = json.loads(store.read(METADATA))["attributes"]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, RecursionError):
        return None
    except OSError as e:
        raise StoreError(f"cannot read the store {store}: {e.strerror}; check that you may and can reach it") from e
    return attributes if isinstance(attributes, dict) and attributes.get("format") == FORMAT else None
