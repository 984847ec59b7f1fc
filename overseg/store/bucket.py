"""A store in a bucket of an object store, through obstore."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import obstore
import zarr
from obstore.store import S3Store
from zarr.storage import ObjectStore

from overseg.errors import StoreError
from overseg.store.bucket_errors import as_os_error
from overseg.store.bucket_lock import BucketLock, is_bucket_locked
from overseg.store.folder import METADATA
from overseg.store.scratch import Scratch

_AT_ONCE = 16
_RETRIES = timedelta(seconds=30)  # the library's own three minutes look like a hang


def open_bucket(url: str) -> "BucketFolder":
    """The folder at an address such as `s3://bucket/videos/cup.zarr`. Makes no request yet.

    Endpoint, region and credentials come from the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on.

    Raises:
        StoreError: the address has another form.
    """
    bucket, _, name = url[len("s3://") :].rstrip("/").partition("/")
    if "@" in bucket:
        raise StoreError("an address holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead")
    if not bucket or not name:
        raise StoreError(f"expected an address such as s3://BUCKET/NAME.zarr, got {url}")
    try:
        with as_os_error():
            store = S3Store(bucket, prefix=name, retry_config={"retry_timeout": _RETRIES})
    except (OSError, ValueError) as e:
        raise StoreError(f"cannot use {url}: {e}; check the address and the AWS_* variables") from e
    return BucketFolder(_Connection(store, f"s3://{bucket}/{name}"))


@dataclass
class _Connection:
    """The state that all folders of one store share.

    Attributes:
        store: the connection to the bucket; paths are relative to the store's folder in it.
        url: address of that folder.
        lock: the writer's lock; None for readers.
        drafts: temporary folders on the local disk.
    """

    store: S3Store
    url: str
    lock: BucketLock | None = None
    drafts: list[Scratch] = field(default_factory=list)

    def confirm(self) -> None:
        """Check that no other process took over the lock; StoreError if one did."""
        if self.lock is not None:
            self.lock.confirm()


@dataclass(frozen=True)
class BucketFolder:
    """A Folder whose files are objects. Writing an object is atomic, so there are no temporary objects."""

    _connection: _Connection
    _path: str = ""  # relative to the store's folder, with a slash at its end unless it is empty
    _kept: Scratch | None = None  # local copies of its files

    @property
    def address(self) -> str:
        return f"{self._connection.url}/{self._path}".rstrip("/")

    def __str__(self) -> str:
        return self.address

    def __truediv__(self, name: str) -> "BucketFolder":
        return BucketFolder(self._connection, f"{self._path}{name}/")

    def cached(self) -> "BucketFolder":
        return BucketFolder(self._connection, self._path, Scratch())

    def exists(self) -> bool:
        return bool(self.names())

    def make(self) -> None:
        """Do nothing: a bucket has no folders, only names of objects."""

    @property
    def reads_at_once(self) -> int:
        return _AT_ONCE

    def names(self) -> list[str]:
        with as_os_error():
            found = obstore.list_with_delimiter(self._store, self._path or None)
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in paths)

    def has(self, name: str) -> bool:
        try:
            with as_os_error():
                obstore.head(self._store, self._path + name)
        except FileNotFoundError:
            return False
        return True

    def sizes(self) -> dict[str, int]:
        with as_os_error():
            found = obstore.list(self._store, self._path or None).collect()
        return {one["path"].removeprefix(self._path): one["size"] for one in found}

    def read(self, name: str) -> bytes:
        if self._kept is not None and (self._kept.path / name).exists():
            return (self._kept.path / name).read_bytes()
        with as_os_error():
            content = bytes(obstore.get(self._store, self._path + name).bytes())
        self._keep(name, content)
        return content

    def array(self, path: str) -> zarr.Array:
        with as_os_error():
            objects = ObjectStore(self._store, read_only=True)
            return zarr.open_array(objects, path=self._path + path, mode="r", zarr_format=3)

    @contextmanager
    def errors(self) -> Iterator[None]:
        with as_os_error():
            yield

    def write(self, name: str, content: bytes) -> None:
        self._connection.confirm()
        self._put(self._path + name, content)
        self._keep(name, content)

    def append(self, name: str, content: bytes) -> None:
        before = self.read(name) if self.has(name) else b""
        self.write(name, before + content)

    def remove(self, names: Iterable[str]) -> None:
        self._connection.confirm()
        names = list(names)
        with as_os_error():
            obstore.delete(self._store, [self._path + name for name in names])
        if self._kept is not None:
            for name in names:
                (self._kept.path / name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        names = set(self.sizes())
        for some in ({METADATA} & names, names - {METADATA}):
            if some:
                self.remove(sorted(some))

    def new_draft(self) -> Path:
        self._connection.drafts.append(Scratch())
        return self._connection.drafts[-1].path

    def clear_drafts(self) -> None:
        while self._connection.drafts:
            self._connection.drafts.pop().remove()
        if self._kept is not None:
            self._kept.remove()

    def publish(self, draft: Path, name: str) -> None:
        self._connection.confirm()
        files = {path.relative_to(draft).as_posix(): path for path in draft.rglob("*") if path.is_file()}
        marker = files.pop(METADATA)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda file: self._put(f"{self._path}{name}/{file}", files[file]), files))
        self._put(f"{self._path}{name}/{METADATA}", marker)
        self.clear_drafts()

    def copy(self, name: str, draft: Path) -> None:
        source = self / name

        def fetch(file: str) -> None:
            path = draft / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read(file))

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(fetch, source.sizes()))

    def lock(self, part: str | None = None) -> BucketLock:
        with as_os_error():
            self._connection.lock = BucketLock(self._store, self.address, part)
        return self._connection.lock

    def lock_named(self, name: str) -> BucketLock:
        with as_os_error():
            self._connection.lock = BucketLock(self._store, self.address, name=name)
        return self._connection.lock

    def is_locked(self) -> bool:
        with as_os_error():
            return is_bucket_locked(self._store)

    @property
    def _store(self) -> S3Store:
        return self._connection.store

    def _keep(self, name: str, content: bytes) -> None:
        if self._kept is not None and self._kept.remove.alive:
            (self._kept.path / name).write_bytes(content)

    def _put(self, path: str, content: bytes | Path) -> None:
        with as_os_error():
            obstore.put(self._store, path, content, use_multipart=False)
