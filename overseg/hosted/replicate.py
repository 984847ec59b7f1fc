"""Models on Replicate: files go up, a prediction is started and waited for, files come down.

The HTTP API is that of https://replicate.com/docs/reference/http.
"""

import json
import mimetypes
import os
import time
import uuid
from pathlib import Path
from typing import Any

from overseg.errors import HostError, SettingsError
from overseg.hosted.connection import Connection, NothingThereError, Patience
from overseg.hosted.token import Token

API_URL = "https://api.replicate.com/v1"
TOKEN_VARIABLE, URL_VARIABLE = "REPLICATE_API_TOKEN", "REPLICATE_API_URL"
_DONE = ("succeeded", "failed", "canceled", "aborted")
_JSON = "application/json"


class Replicate:
    """Runs models by name, on the account that a token belongs to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def of_environment(cls, *, patience: Patience | None = None) -> "Replicate":
        """With the token in REPLICATE_API_TOKEN; the API may be elsewhere, at REPLICATE_API_URL.

        Raises:
            SettingsError: there is no token.
        """
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise SettingsError(f"--backend replicate needs a token: set the environment variable {TOKEN_VARIABLE}")
        return cls(Connection(os.environ.get(URL_VARIABLE) or API_URL, Token(token), patience=patience))

    def upload(self, path: Path) -> str:
        """The address of a file for a model to read; HostError where it does not go up, OSError where there is none."""
        boundary = uuid.uuid4().hex
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="content{path.suffix}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        )
        body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={boundary}"
        answer = self._connection.post("/files", body, content_type=content_type, repeatable=True)
        return self._address(answer, "get", "the file that was sent")

    def run(self, model: str, input: dict[str, Any]) -> dict[str, Any]:
        """Start a prediction and wait for its end; its JSON, in which `output` is what the model returned.

        Interrupted, or where it does not end, it is cancelled first: it costs something for as long as it runs.

        Args:
            model: `owner/name`.
            input: what the model takes; files by their address.

        Raises:
            HostError: the API cannot be reached, refuses, or the model fails or does not end.
        """
        patience, what = self._connection.patience, f"the prediction of {model}"
        prediction, until = self._start(model, input), time.monotonic() + patience.longest_s
        try:
            while prediction.get("status") not in _DONE:
                if time.monotonic() > until:
                    self._post(self._address(prediction, "cancel", what), {})
                    raise HostError(
                        f"{model} did not end within {patience.longest_s:g} s and was cancelled; its state was "
                        f"{prediction.get('status')!r}: try again later, or with a shorter video"
                    )
                time.sleep(patience.poll_s)
                prediction = self._connection.get(self._address(prediction, "get", what))
        except KeyboardInterrupt:
            self._post(self._address(prediction, "cancel", what), {})
            raise
        if prediction["status"] != "succeeded":
            reason = " ".join(str(prediction.get("error") or "no reason is given").split())
            raise HostError(f"{model} ended as {prediction['status']}: {reason}")
        return prediction

    def download(self, url: str, path: Path) -> None:
        """Write what is at an address to a file; see `Connection.download`."""
        self._connection.download(url, path)

    def _start(self, model: str, input: dict[str, Any]) -> dict[str, Any]:
        """A prediction by the model's name, or, where it runs by version alone, by its latest."""
        try:
            return self._post(f"/models/{model}/predictions", {"input": input})
        except NothingThereError:
            latest = self._connection.get(f"/models/{model}").get("latest_version")
        if not isinstance(latest, dict) or not isinstance(latest.get("id"), str):
            raise HostError(f"{model} has no version to run: it may have been withdrawn")
        return self._post("/predictions", {"version": latest["id"], "input": input})

    def _post(self, url: str, content: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(content).encode()
        return self._connection.post(url, body, content_type=_JSON, repeatable=False)

    def _address(self, answer: dict[str, Any], name: str, what: str) -> str:
        urls = answer.get("urls")
        if not isinstance(urls, dict) or not isinstance(urls.get(name), str):
            raise HostError(f"the API answers without an address for {what} (urls.{name}): try again later")
        return urls[name]
