"""A lock for a store in a bucket: an object that only one process can create, and that it renews."""

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from overseg.errors import StoreBusyError, StoreError
from overseg.files.atomic import TEMPORARY
from overseg.store.lock import LOCK_NAME, PART_LOCK

LEASE_S = 60.0  # a lock that was not renewed for this long has expired
_RENEWED_EVERY_S = 15.0


def is_bucket_locked(store: S3Store) -> bool:
    """Whether a process renews a lock of the store; by this machine's clock, as nothing is written for it."""
    return _is_held(store, LOCK_NAME) or any(_is_held(store, name) for name in _part_locks(store))


class BucketLock:
    """Held by the process that writes a store.

    A killed process leaves its lock behind. Another process takes it over at once if the holder was on this machine
    and has ended, else after LEASE_S without a renewal, by the service's clock.

    With AWS_CONDITIONAL_PUT=disabled, for services without conditional writes, there is no lock.

    A lock of a part is an object of its own. Whoever takes either kind looks for the other kind afterwards, so that
    of a writer of the whole and one of a part at least one gives way.

    Raises:
        StoreBusyError: another process holds it, or one that excludes it.
    """

    def __init__(self, store: S3Store, address: str, part: str | None = None, *, name: str | None = None) -> None:
        """
        Args:
            store: the bucket.
            address: of the store in it.
            part: the part of the visits that is written; None for the whole.
            name: of a lock that excludes no writer; None for one of a writer.
        """
        self._store, self._address = store, address
        self._name = name or (LOCK_NAME if part is None else f"{PART_LOCK}{part}")
        self._holder = {"host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        self._one_at_a_time = threading.Lock()
        self._ended = threading.Event()
        self._n_renewals, self._renewed_at = 0, time.monotonic()
        self._e_tag: str | None = None
        self._is_lost = False
        try:
            self._take()
            if name is None:
                self._give_way(part)
        except NotImplementedError:
            return
        threading.Thread(target=self._keep_renewing, daemon=True).start()

    def confirm(self) -> None:
        """Check that the lock is still held.

        Raises:
            StoreError: another process took it over while this one could not renew it.
        """
        if self._e_tag is not None and time.monotonic() - self._renewed_at > 2 * _RENEWED_EVERY_S:
            self._renew()
        if self._is_lost:
            raise StoreError(
                f"another process took over the store {self._address}, as this one could not reach it for too long; "
                "all that was committed is kept"
            )

    def release(self) -> None:
        """Let others write. A second call does nothing."""
        self._ended.set()
        with self._one_at_a_time:
            if self._e_tag is not None and not self._is_lost:
                with suppress(BaseError, FileNotFoundError):  # if it stays, it expires after LEASE_S
                    obstore.delete(self._store, self._name)
            self._e_tag = None

    def _take(self) -> None:
        while True:
            try:
                self._put("create")
                return
            except AlreadyExistsError:
                with suppress(FileNotFoundError):  # released in between
                    self._take_over(obstore.get(self._store, self._name))
                    return

    def _give_way(self, part: str | None) -> None:
        others = _part_locks(self._store) if part is None else [LOCK_NAME]
        if any(_is_held(self._store, name) for name in others):
            self.release()
            raise self._busy()

    def _busy(self) -> StoreBusyError:
        return StoreBusyError(
            f"another process is writing the store {self._address}; wait until it ends, or choose another path"
        )

    def _take_over(self, found: Any) -> None:
        holder = _parsed(bytes(found.bytes()))
        if holder.get("token") == self._holder["token"]:  # this process made it, and the answer was lost
            self._e_tag = found.meta["e_tag"]
            return
        if self._may_be_alive(holder, found.meta["last_modified"]):
            raise StoreBusyError(
                f"another process is writing the store {self._address} ({holder.get('pid')} on {holder.get('host')}), "
                f"or was killed there within {LEASE_S:.0f} s; wait until it ends, or choose another path"
            )
        try:
            self._put({"e_tag": found.meta["e_tag"]})
        except PreconditionError as e:
            raise self._busy() from e

    def _may_be_alive(self, holder: dict[str, Any], renewed: Any) -> bool:
        if holder.get("host") == self._holder["host"] and not _is_running(holder.get("pid")):
            return False
        return (self._now() - renewed).total_seconds() <= LEASE_S

    def _now(self) -> Any:
        """The time by the service's clock."""
        path = f"{TEMPORARY}{self._holder['token']}"
        obstore.put(self._store, path, b"")
        now = obstore.head(self._store, path)["last_modified"]
        obstore.delete(self._store, path)
        return now

    def _keep_renewing(self) -> None:
        while not self._ended.wait(_RENEWED_EVERY_S):
            with suppress(BaseError):  # out of reach; `confirm` raises if that lasts too long
                self._renew()

    def _renew(self) -> None:
        with self._one_at_a_time:
            if self._e_tag is None or self._is_lost:
                return
            try:
                self._put({"e_tag": self._e_tag})
            except (PreconditionError, FileNotFoundError):
                self._is_lost = True

    def _put(self, mode: Any) -> None:
        content = json.dumps(
            self._holder | {"renewals": self._n_renewals}
        ).encode()  # the number makes every e_tag different
        self._e_tag = obstore.put(self._store, self._name, content, mode=mode, use_multipart=False)["e_tag"]
        self._n_renewals, self._renewed_at = self._n_renewals + 1, time.monotonic()


def _part_locks(store: S3Store) -> list[str]:
    """The names of all locks of parts."""
    found = obstore.list_with_delimiter(store)["objects"]
    return [one["path"] for one in found if one["path"].startswith(PART_LOCK)]


def _is_held(store: S3Store, name: str) -> bool:
    """Whether a process renews the lock of this name."""
    try:
        found = obstore.get(store, name)
    except FileNotFoundError:
        return False
    holder = _parsed(bytes(found.bytes()))
    if holder.get("host") == socket.gethostname() and not _is_running(holder.get("pid")):
        return False
    return (datetime.now(UTC) - found.meta["last_modified"]).total_seconds() <= LEASE_S


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        holder = json.loads(content)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_running(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except PermissionError:
        return True
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    return True
