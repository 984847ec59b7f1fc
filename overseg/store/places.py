"""From a path or address that a user gives to the folder of a store."""

import re
from pathlib import Path

from overseg.errors import StoreError
from overseg.store.disk import DiskFolder
from overseg.store.folder import Folder

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKETS = "s3"


def folder_at(place: str | Path) -> Folder:
    """The folder of a store: a path, or an address such as `s3://bucket/videos/cup.zarr`.

    Raises:
        StoreError: another kind of address, one without a name in the bucket, or obstore is not installed.
    """
    scheme = _scheme(place)
    if scheme is None:
        return DiskFolder(Path(place))
    if scheme != _BUCKETS:
        raise StoreError(f"expected a store at a path or at s3://BUCKET/NAME, got an address of {scheme}://")
    try:
        from overseg.store.bucket import open_bucket
    except ModuleNotFoundError as e:
        if e.name != "obstore":
            raise
        raise StoreError(f"{place} needs the package obstore: pip install 'overseg[s3]'") from e
    return open_bucket(str(place))


def is_address(place: str | Path) -> bool:
    """Whether this is an address, and not a path on a disk."""
    return _scheme(place) is not None


def _scheme(place: str | Path) -> str | None:
    found = _SCHEME.match(place) if isinstance(place, str) else None
    return found[1].lower() if found else None
