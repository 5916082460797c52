"""A Hugging Face Hub on this machine: what the real client asks of it, over real HTTP, with faults on demand.

with HubServer() as hub:
    hub.add("datasets", "org/name", {"data.zip": content})
    hub.fail("/resolve/", status=503)
    subprocess.run(program, env=hub.environment(tmp_path))
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["models", "datasets"]

_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/revision/(.+))?")
_FILE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repo:
    """Every commit's files; the last commit is "main".

    Attributes:
        sizes: are told in place of the true ones.
        token: without this one, the repository is not there.
        git: files that are in plain git, for which git's SHA-1 is told and no SHA-256.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licence: str | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    token: str | None = None
    git: set[str] = field(default_factory=set)

    @property
    def main(self) -> str:
        return list(self.commits)[-1]


@dataclass
class Fault:
    """What goes wrong with requests whose path contains `path`.

    Attributes:
        path: part of it.
        methods: of requests.
        status: answer with this one.
        code: of the error, as in the header "X-Error-Code".
        cut: close the connection after so many bytes of the body.
        body: send this one under the headers of the true one, with its own length.
        redirect: answer a request for a file with the way to the same path at this address.
        wait: before the answer, or after the bytes before a cut, until this is set.
        times: how often; afterwards all is well.
    """

    path: str
    methods: tuple[str, ...] = ("GET", "HEAD")
    status: int | None = None
    code: str | None = None
    cut: int | None = None
    body: bytes | None = None
    redirect: str | None = None
    wait: threading.Event | None = None
    times: float = float("inf")


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubServer:
    """Serves repositories on the loopback device while it is entered.

    Attributes:
        requests: method and path of each, in order.
        tokens: those that came with the requests, None where there was none.
        hosts: whom the requests were for: a client takes any server for a proxy if it is told so.
        connections: how many there were, whatever was said over them.
        waiting: set when a request waits, see `Fault`.
    """

    def __init__(self) -> None:
        self.repos: dict[tuple[Kind, str], Repo] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str | None] = []
        self.hosts: list[str | None] = []
        self.connections = 0
        self.waiting = threading.Event()
        hub = self

        class Handler(_Handler):
            server_hub = hub

        class Server(ThreadingHTTPServer):
            def process_request(self, request: object, client_address: object) -> None:
                hub.connections += 1
                super().process_request(request, client_address)  # type: ignore[arg-type]

            def handle_error(self, request: object, client_address: object) -> None:
                if not isinstance(sys.exc_info()[1], ConnectionError):  # clients may go away in the middle
                    super().handle_error(request, client_address)  # type: ignore[arg-type]

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> HubServer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def add(self, kind: Kind, name: str, files: dict[str, bytes], licence: str | None = None) -> str:
        """A new commit with these files, in a new repository or on top of an old one; returns its 40 hex digits."""
        repo = self.repos.setdefault((kind, name), Repo())
        content = [name.encode(), str(len(repo.commits)).encode(), *files, *files.values()]
        commit = hashlib.sha1(
            b"\0".join(one if isinstance(one, bytes) else one.encode() for one in content)  # type: ignore[attr-defined]
        ).hexdigest()
        repo.commits[commit] = files
        repo.licence = licence
        return commit

    def fail(self, path: str, **what: object) -> None:
        """From now on. See `Fault`."""
        self.faults.append(Fault(path, **what))  # type: ignore[arg-type]

    def heal(self) -> None:
        self.faults.clear()

    def downloads(self) -> list[str]:
        """Paths of the files that were fetched so far, not only asked about."""
        return [path for method, path in self.requests if method == "GET" and "/resolve/" in path]

    def environment(self, home: Path) -> dict[str, str]:
        """For a process whose client is to use this server and keep its cache in `home`."""
        own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        own = {name: value for name, value in own.items() if not name.startswith("HF_")}
        return own | {"HF_ENDPOINT": self.url, "HF_HOME": str(home)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_hub: HubServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def do_CONNECT(self) -> None:
        self.note(self.path)
        self.refuse(HTTPStatus.FORBIDDEN)  # a proxy that lets nobody out

    def note(self, path: str) -> None:
        token = self.headers.get("Authorization")
        self.server_hub.requests.append((self.command, path))
        self.server_hub.tokens.append(token and token.removeprefix("Bearer "))
        self.server_hub.hosts.append(self.headers.get("Host"))

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.note(path)
        fault = self.fault(path)
        if fault and fault.cut is None:
            self.wait_for(fault.wait)
        if fault and fault.status:
            self.refuse(fault.status, fault.code)
        elif match := _API.fullmatch(path):
            self.describe(match[1], match[2], match[3], fault)
        elif match := _FILE.fullmatch(path):
            self.give(match[1] or "models", match[2], match[3], match[4], fault)
        else:
            self.refuse(HTTPStatus.NOT_FOUND)

    def wait_for(self, event: threading.Event | None) -> None:
        if event:
            self.server_hub.waiting.set()
            event.wait(60)

    def fault(self, path: str) -> Fault | None:
        for fault in self.server_hub.faults:
            if fault.path in path and self.command in fault.methods and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def describe(self, kind: str, name: str, revision: str | None, fault: Fault | None) -> None:
        """The repository and its files with sizes and hashes."""
        if not (found := self.commit(kind, name, revision)):
            return
        repo, commit = found
        files = [
            {
                "rfilename": file,
                "size": repo.sizes.get(file, len(content)),
                "blobId": git_sha1(content),
                "lfs": None
                if file in repo.git
                else {
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "size": repo.sizes.get(file, len(content)),
                    "pointerSize": 130,
                },
            }
            for file, content in repo.commits[commit].items()
        ]
        card = {"license": repo.licence} if repo.licence else {}
        content = {"id": name, "sha": commit, "siblings": files, "cardData": card, "tags": [], "private": False}
        self.send(json.dumps(content).encode(), {"Content-Type": "application/json"}, fault)

    def give(self, kind: str, name: str, revision: str, file: str, fault: Fault | None) -> None:
        """A file, or the part of it that is asked for."""
        if not (found := self.commit(kind, name, revision)):
            return
        repo, commit = found
        if file not in repo.commits[commit]:
            self.refuse(HTTPStatus.NOT_FOUND, "EntryNotFound", {"X-Repo-Commit": commit})
            return
        content = repo.commits[commit][file]
        digest = git_sha1(content) if file in repo.git else hashlib.sha256(content).hexdigest()
        if fault and fault.redirect:
            linked = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            place = {"X-Repo-Commit": commit, "Location": fault.redirect + self.path}
            self.refuse(HTTPStatus.FOUND, headers=linked | place)
            return
        headers = {
            "X-Repo-Commit": commit,
            "ETag": f'"{digest}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        self.send(content, headers, fault)

    def commit(self, kind: str, name: str, revision: str | None) -> tuple[Repo, str] | None:
        repo = self.server_hub.repos.get((kind, name))  # type: ignore[call-overload]
        if repo is None or (repo.token and self.headers.get("Authorization") != f"Bearer {repo.token}"):
            self.refuse(HTTPStatus.UNAUTHORIZED, "RepoNotFound")  # what the Hub says to those not logged in
            return None
        commit = repo.main if revision in (None, "main") else revision
        if commit not in repo.commits:
            self.refuse(HTTPStatus.NOT_FOUND, "RevisionNotFound")
            return None
        return repo, commit

    def send(self, content: bytes, headers: dict[str, str], fault: Fault | None) -> None:
        content = fault.body if fault and fault.body is not None else content
        status, start = HTTPStatus.OK, 0
        if wanted := re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", self.headers.get("Range", "")):
            start = int(wanted[1])
            end = min(int(wanted[2] or len(content)), len(content) - 1)
            headers = headers | {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
            content, status = content[start : end + 1], HTTPStatus.PARTIAL_CONTENT
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.cut is not None:
            self.wfile.write(content[: fault.cut])
            self.wfile.flush()
            self.wait_for(fault.wait)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(content)

    def refuse(self, status: int, code: str | None = None, headers: dict[str, str] | None = None) -> None:
        content = json.dumps({"error": code or HTTPStatus(status).phrase}).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
