"""Runs models on Replicate: uploads files, starts a prediction, waits for it, and downloads files.

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
from overseg.hosted.connection import Connection, NotFoundError, RetryPolicy
from overseg.hosted.token import Token

API_URL = "https://api.replicate.com/v1"
TOKEN_VARIABLE, URL_VARIABLE = "REPLICATE_API_TOKEN", "REPLICATE_API_URL"
_DONE = ("succeeded", "failed", "canceled", "aborted")
_JSON = "application/json"


class Replicate:
    """Runs models by name, on the account of the token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def from_environment(cls, *, policy: RetryPolicy | None = None) -> "Replicate":
        """Connect with the token in REPLICATE_API_TOKEN, to the API at REPLICATE_API_URL if that is set.

        Raises:
            SettingsError: there is no token.
        """
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise SettingsError(f"--backend replicate needs a token: set the environment variable {TOKEN_VARIABLE}")
        return cls(Connection(os.environ.get(URL_VARIABLE) or API_URL, Token(token), policy=policy))

    def upload(self, path: Path) -> str:
        """Upload a file and return its address for a model; HostError if the upload fails, OSError if it is missing."""
        boundary = uuid.uuid4().hex
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="content{path.suffix}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        )
        body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={boundary}"
        answer = self._connection.post("/files", body, content_type=content_type, repeatable=True)
        return self._address(answer, "get", "the uploaded file")

    def run(self, model: str, input: dict[str, Any]) -> dict[str, Any]:
        """Start a prediction, wait for its end, and return its JSON; `output` is what the model returned.

        An interrupt or the time limit cancels the prediction, because it costs money while it runs.

        Args:
            model: `owner/name`.
            input: the model's input; files are given by their address.

        Raises:
            HostError: the API cannot be reached or refuses, or the model fails or exceeds the time limit.
        """
        policy, what = self._connection.policy, f"the prediction of {model}"
        prediction, until = self._start(model, input), time.monotonic() + policy.longest_s
        try:
            while prediction.get("status") not in _DONE:
                if time.monotonic() > until:
                    self._post(self._address(prediction, "cancel", what), {})
                    raise HostError(
                        f"{model} did not finish within {policy.longest_s:g} s and was cancelled; its state was "
                        f"{prediction.get('status')!r}: try again later, or with a shorter video"
                    )
                time.sleep(policy.poll_s)
                prediction = self._connection.get(self._address(prediction, "get", what))
        except KeyboardInterrupt:
            self._post(self._address(prediction, "cancel", what), {})
            raise
        if prediction["status"] != "succeeded":
            reason = " ".join(str(prediction.get("error") or "no reason is given").split())
            raise HostError(f"{model} ended as {prediction['status']}: {reason}")
        return prediction

    def download(self, url: str, path: Path) -> None:
        """Download an address to a file; see `Connection.download`."""
        self._connection.download(url, path)

    def _start(self, model: str, input: dict[str, Any]) -> dict[str, Any]:
        """Start a prediction by the model's name, or by its latest version if the model runs by version only."""
        try:
            return self._post(f"/models/{model}/predictions", {"input": input})
        except NotFoundError:
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
            raise HostError(f"the API's answer has no address for {what} (urls.{name}): try again later")
        return urls[name]
