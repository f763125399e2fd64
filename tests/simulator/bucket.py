"""A real S3 server of the machine's own, in a process and an environment of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

SERVER = Path(sys.prefix) / "servers/bin/moto_server"
BUCKET = "audit"
SECRET = "canary-of-the-bucket"
_PATIENCE = 60.0  # seconds until the server answers


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Give the environment in which `s3://audit/…` is a bucket of a server that runs as long as the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [SERVER, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _create(f"{address}/{BUCKET}")
            yield {
                "AWS_ENDPOINT_URL": address,
                "AWS_ALLOW_HTTP": "true",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "tester",
                "AWS_SECRET_ACCESS_KEY": SECRET,
            }
        finally:
            server.terminate()


def _create(bucket: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            request = urllib.request.Request(bucket, method="PUT")  # noqa: S310  an address of ours
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                assert answer.status == HTTPStatus.OK
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def entered(environment: dict[str, str]) -> Iterator[None]:
    """Set variables of this process, and take them back."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
