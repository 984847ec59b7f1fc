"""Errors of the operating system while a store is written, as one line with advice."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from overseg.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG}


@contextmanager
def writing(store: object) -> Iterator[None]:
    """Turn an operating system error inside this block into one line about `store`.

    Raises:
        StoreError: the disk is full, read-only, or failed in another way.
    """
    try:
        yield
    except OSError as e:
        reason = e.strerror or str(e)
        if e.errno in _FULL:
            advice = "all that was committed is kept; make room and run the same command again to continue"
        elif e.errno in _NOT_WRITABLE:
            advice = "give write permission there, or choose another path"
        else:
            advice = "all that was committed is kept; fix the cause and run the same command again to continue"
        raise StoreError(f"cannot write the store {store}: {reason}; {advice}") from e
