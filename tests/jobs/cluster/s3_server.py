"""An S3-compatible store on loopback, which can be told to do something before or after a request.

with S3Server() as store:
    store.before("GET", "a.png", kill_client)
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Hook = Callable[[int], None]  # is told the client's port


class S3Server:
    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=MotoRequestHandler)
        self.hooks: list[tuple[str, str, str, Hook]] = []
        self.puts: list[str] = []
        self.denied: str | None = None  # a path that nobody has a right to

    def __enter__(self) -> S3Server:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def before(self, method: str, part: str, hook: Hook) -> None:
        """Before each request with this method and this in its path."""
        self.hooks.append(("before", method, part, hook))

    def after(self, method: str, part: str, hook: Hook) -> None:
        """When it is done, and its answer has not been sent."""
        self.hooks.append(("after", method, part, hook))

    def app(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.call("before", environ)
        if environ["PATH_INFO"] == self.denied:
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        answer = list(self.moto(environ, start_response))
        if environ["REQUEST_METHOD"] == "PUT":
            self.puts.append(environ["PATH_INFO"])
        self.call("after", environ)
        return answer

    def call(self, when: str, environ: dict[str, Any]) -> None:
        for its_time, method, part, hook in list(self.hooks):
            if its_time == when and method == environ["REQUEST_METHOD"] and part in environ["PATH_INFO"]:
                hook(int(environ["REMOTE_PORT"]))


def kill_client(port: int) -> None:
    """SIGKILL to the process that has this port on loopback."""
    inode = next(
        fields[9]
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if int(fields[1].split(":")[1], 16) == port and fields[9] != "0"
    )
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                os.kill(int(link.parts[2]), signal.SIGKILL)
                return
        except OSError:
            continue  # it ended meanwhile


class Bucket:
    """A bucket of its own, which keeps every version of every file."""

    def __init__(self, server: S3Server, name: str) -> None:
        import s3fs

        self.server, self.name, self.url = server, name, f"s3://{name}"
        self.fs = s3fs.S3FileSystem(use_listings_cache=False)
        self.fs.mkdir(name)
        self.fs.call_s3("put_bucket_versioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def upload(self, folder: Path, name: str) -> str:
        self.fs.put(f"{folder}/", f"{self.name}/{name}/", recursive=True)
        return f"{self.url}/{name}"

    def files(self, name: str) -> dict[str, bytes]:
        found = self.fs.find(f"{self.name}/{name}")
        return {path.removeprefix(f"{self.name}/{name}/"): self.fs.cat_file(path) for path in found}

    def versions(self, name: str) -> dict[str, int]:
        """How many times each file was written."""
        answer = self.fs.call_s3("list_object_versions", Bucket=self.name, Prefix=f"{name}/")
        keys = [version["Key"].removeprefix(f"{name}/") for version in answer.get("Versions", [])]
        return {key: keys.count(key) for key in keys}
