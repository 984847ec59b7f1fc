"""What an object store raises, as errors of the operating system that can be told in one line."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

_OF_THE_MACHINE = "/latest/"  # where a machine of the cloud is asked for credentials, when nobody set any
_NOT_ALLOWED = "builder error"  # all that is said of an endpoint with http://
_ANSWER = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


@contextmanager
def told() -> Iterator[None]:
    """Turn what obstore raises under this block into OSError."""
    try:
        yield
    except FileNotFoundError as e:
        raise FileNotFoundError(errno.ENOENT, _reason(e)) from e
    except (PermissionDeniedError, UnauthenticatedError) as e:
        raise PermissionError(errno.EACCES, _reason(e)) from e
    except BaseError as e:
        raise OSError(errno.EIO, _reason(e)) from e


def _reason(error: Exception) -> str:
    """What the service answered, or what kept it from answering; without what obstore tells of requests and retries."""
    text = str(error).partition("\n\nDebug source:")[0].removeprefix("Generic S3 error: ")
    if _OF_THE_MACHINE in text:
        return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true"
    if _NOT_ALLOWED in text:
        return "the endpoint is without TLS: set AWS_ALLOW_HTTP=true if it shall be"
    answer = _ANSWER.search(text)
    return " ".join((answer[1] if answer else text.partition("\n")[0]).split()).rstrip(".")
