"""The attributes of a store's root group: how the store was made, and which of its results is current."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from overseg.data.setting import stored_names
from overseg.data.settings import Settings
from overseg.errors import StoreError
from overseg.store.folder import METADATA, Folder
from overseg.store.integrity import is_sealed, sealed

FORMAT, FORMAT_VERSION = "overseg", 5
PARTS, RESULTS = "parts", "results"
_DIFFERENCES_SHOWN = 3
_STORED_SETTINGS = stored_names(Settings)


@dataclass(frozen=True)
class Root:
    """The content of the root group.

    Attributes:
        identity: the video and the settings; two runs with the same identity have the same result.
        provenance: versions, weights and machine that made it.
        size: (height, width) of every mask, in pixels.
        shots: [first frame, last frame] of every shot; None before they are detected.
        more_keyframes: of all shots, see `Shot`.
        result: name of the current result in the folder `results`; None before the first.
        final: whether the result is final; then nothing can be added.
        objects: name and category of every followed object, by number.
        ahead: whether several processes make visits ahead of their turn, some of which a budget may not pay for.
    """

    identity: dict[str, Any]
    provenance: dict[str, Any]
    size: tuple[int, int]
    shots: list[list[int]] | None = None
    more_keyframes: list[int] = field(default_factory=list)
    result: str | None = None
    final: bool = False
    objects: list[dict[str, str]] = field(default_factory=list)
    ahead: bool = False

    def with_result(self, name: str | None, *, final: bool) -> "Root":
        """The same root with another current result."""
        return replace(self, result=name, final=final)


def as_json(tree: dict[str, Any]) -> dict[str, Any]:
    """The same tree as JSON gives it back: tuples are lists, keys are strings. ValueError for a NaN."""
    return json.loads(json.dumps(tree, allow_nan=False))


def write_group(folder: Folder, attributes: dict[str, Any]) -> None:
    """Write the metadata of a zarr group with a checksum, atomically and durably; zarr itself does neither."""
    metadata = {"zarr_format": 3, "node_type": "group", "attributes": sealed(attributes)}
    folder.write(METADATA, json.dumps(metadata, indent=2, allow_nan=False).encode())


def read_attributes(folder: Folder) -> dict[str, Any]:
    """The attributes that `write_group` wrote.

    Raises:
        StoreError: there is no group, or it is damaged.
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
        StoreError: there is no result, or it is damaged.
    """
    attributes = read_attributes(result)
    files, summary = attributes.get("files"), attributes.get("summary")
    if not isinstance(summary, dict) or not isinstance(files, dict) or not all(map(_is_file, files.values())):
        raise _unreadable(result, "it is another kind of group")
    return attributes


def write_root(store: Folder, root: Root) -> None:
    """Replace the store's root, atomically."""
    attributes = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "size": list(root.size),
        "identity": _renamed_settings(root.identity, _STORED_SETTINGS),
        "provenance": root.provenance,
        "shots": root.shots,
        "result": root.result,
        "final": root.final,
        **({"more_keyframes": root.more_keyframes} if root.more_keyframes else {}),
        **({"objects": root.objects} if root.objects else {}),
        **({"ahead": True} if root.ahead else {}),
    }
    write_group(store, attributes)


def read_root(store: Folder) -> Root:
    """The root of the store in this folder.

    Raises:
        StoreError: there is no store, a damaged one, or one of another format version.
    """
    attributes = _attributes(store)
    if attributes is None and (store / RESULTS).exists():
        raise _damaged(store, "it is not the JSON of a store")
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
        "restore that file, or choose another path"
    )


def is_store(folder: Folder) -> bool:
    """Whether the folder is an overseg store, of any format version."""
    return _attributes(folder) is not None


def differences(stored: Root, root: Root) -> str:
    """The differences of two identities, in words; empty if there are none.

    Example:
        >>> stored, root = (Root({"settings": {"step": s}}, {}, (4, 6)) for s in (5, 10))
        >>> differences(stored, root)
        'settings.step: the store has 5, this run 10'
    """
    old, new = (dict(_leaves(r.identity | {"size": list(r.size)})) for r in (stored, root))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]  # no setting is as one that is None
    shown = [
        f"{name}: the store has {_short(old.get(name, _MISSING))}, this run {_short(new.get(name, _MISSING))}"
        for name in names[:_DIFFERENCES_SHOWN]
    ]
    if len(names) > _DIFFERENCES_SHOWN:
        shown.append(f"and {len(names) - _DIFFERENCES_SHOWN} more")
    return "; ".join(shown)


def _root(attributes: dict[str, Any]) -> Root:
    """The root of these attributes; KeyError or ValueError if they are not those of a store."""
    stored = {"objects": [], "ahead": False, "more_keyframes": [], **attributes}
    if wrong := next((name for name, is_valid in _VALID.items() if not is_valid(stored[name])), None):
        raise ValueError(f"{wrong} is not valid")
    known = {stored_name: name for name, stored_name in _STORED_SETTINGS.items()}
    others = {"identity": _renamed_settings(stored["identity"], known), "size": (stored["size"][0], stored["size"][1])}
    return Root(**{name: stored[name] for name in _VALID} | others)


def _renamed_settings(identity: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The identity with other names for some of its settings."""
    settings = identity.get("settings")
    if not isinstance(settings, dict):
        return identity
    return identity | {"settings": {names.get(name, name): value for name, value in settings.items()}}


def _is_pair(numbers: Any) -> bool:
    return _is_numbers(numbers) and len(numbers) == 2


def _is_numbers(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(one) is int and one >= 0 for one in numbers)


_VALID: dict[str, Callable[[Any], bool]] = {
    "identity": lambda value: isinstance(value, dict),
    "provenance": lambda value: isinstance(value, dict),
    "size": _is_pair,
    "shots": lambda value: value is None or (isinstance(value, list) and all(map(_is_pair, value))),
    "more_keyframes": _is_numbers,
    "result": lambda value: value is None or (isinstance(value, str) and value.isdecimal()),
    "final": lambda value: isinstance(value, bool),
    "objects": lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
    "ahead": lambda value: isinstance(value, bool),
}
"""Whether the value of an attribute is valid."""


def _unreadable(folder: Folder, reason: str) -> StoreError:
    return StoreError(
        f"cannot read {folder / METADATA} ({reason}); open the store again; if that does not help, see `overseg repair`"
    )


def _is_file(found: Any) -> bool:
    """Whether this is a valid value of `integrity.Files`."""
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
    """The root's attributes; None if there is no overseg store."""
    try:
        attributes = json.loads(store.read(METADATA))["attributes"]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, RecursionError):
        return None
    except OSError as e:
        raise StoreError(f"cannot read the store {store}: {e.strerror}; check address and permissions") from e
    return attributes if isinstance(attributes, dict) and attributes.get("format") == FORMAT else None
