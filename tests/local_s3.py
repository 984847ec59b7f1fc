"""An S3 server of this process's own, by moto."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import Thread

import boto3
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.serving import make_server

KEY, SECRET = "AKIDOFNOBODY", "a-secret-that-nobody-may-read"


@dataclass(frozen=True)
class LocalS3:
    """Where the server is, and how to look into its one bucket without the code under test.

    Attributes:
        variables: what the environment must hold.
        bucket: its name.
    """

    variables: dict[str, str]
    bucket: str

    @cached_property
    def client(self) -> "boto3.client":
        return boto3.client(
            "s3",
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            region_name=self.variables["AWS_REGION"],
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def url(self, name: str) -> str:
        return f"s3://{self.bucket}/videos/{name}"

    def names(self, url: str) -> list[str]:
        """Of all objects of a store, from its folder."""
        prefix = url.removeprefix(f"s3://{self.bucket}/") + "/"
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(one["Key"].removeprefix(prefix) for page in pages for one in page.get("Contents", []))

    def read(self, url: str, name: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=self._key(url, name))["Body"].read()

    def write(self, url: str, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self._key(url, name), Body=content)

    def remove(self, url: str, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self._key(url, name))

    def _key(self, url: str, name: str) -> str:
        return f"{url.removeprefix(f's3://{self.bucket}/')}/{name}"


@contextmanager
def local_s3() -> Iterator[LocalS3]:
    """A server with an empty bucket; the environment leads to it under this block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for every request
    # moto's own server finds out for each request which service it is for, which takes longer than the rest.
    server = make_server("127.0.0.1", 0, create_backend_app("s3"), threaded=True)
    serving = Thread(target=server.serve_forever)
    serving.start()
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        there = LocalS3(variables, "clips")
        there.client.create_bucket(Bucket=there.bucket)
        yield there
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.shutdown()
        serving.join()
        server.server_close()
