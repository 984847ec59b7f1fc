"""Errors of an object store as errors of the operating system, with a reason in one line."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

_OF_THE_MACHINE = "/latest/"  # path of a cloud machine's metadata service, which is asked if no credentials are set
_NOT_ALLOWED = "builder error"  # obstore's whole message about an endpoint with http://
_ANSWER = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


@contextmanager
def as_os_error() -> Iterator[None]:
    """Turn errors of obstore inside this block into OSError."""
    try:
        yield
    except FileNotFoundError as e:
        raise FileNotFoundError(errno.ENOENT, _reason(e)) from e
    except (PermissionDeniedError, UnauthenticatedError) as e:
        raise PermissionError(errno.EACCES, _reason(e)) from e
    except BaseError as e:
        raise OSError(errno.EIO, _reason(e)) from e


def _reason(error: Exception) -> str:
    """The service's answer, or why there is none; without obstore's details on requests and retries."""
    text = str(error).partition("\n\nDebug source:")[0].removeprefix("Generic S3 error: ")
    if _OF_THE_MACHINE in text:
        return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true"
    if _NOT_ALLOWED in text:
        return "the endpoint is without TLS: set AWS_ALLOW_HTTP=true to allow that"
    answer = _ANSWER.search(text)
    return " ".join((answer[1] if answer else text.partition("\n")[0]).split()).rstrip(".")
