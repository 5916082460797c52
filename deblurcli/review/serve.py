"""Serving a review to a browser on this machine, and to nobody else.

The server listens on the loopback address alone. Its address holds a secret, without which it answers nothing, so that
no other user of this machine gets at the photos; and it answers only to its own name, so that no page of the web does.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deblurcli.errors import DeblurError, InputError, UsageError
from deblurcli.review.looks import for_browser, measure, thumbnail_of
from deblurcli.review.marks import MARKS, Mark, earlier_marks, write_marks
from deblurcli.review.page import as_data, page_to_serve
from deblurcli.review.pairs import Pair

LOOPBACK = "127.0.0.1"
MOST_BYTES = 64 << 20  # of marks
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that gets no answer but a status and a line."""

    def __init__(self, status: HTTPStatus, line: str = "") -> None:
        super().__init__(line or status.phrase)
        self.status = status


class Measurements:
    """What is measured of the pairs, one after the other, in a thread of its own."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        self.found: list[tuple[int, dict[str, Any]]] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for number, pair in enumerate(self.pairs):
            if self.stopped.is_set():
                return
            try:
                self.found.append((number, as_data(measure(pair))))
            except DeblurError as problem:
                self.found.append((number, {"problem": str(problem)}))


class Loopback(ThreadingHTTPServer):
    """A server that takes it for granted that browsers leave in the middle of an answer."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nobody is there any more who could be told."""


class ReviewServer:
    """A review on loopback.

    Args:
        folder: of the results.
        pairs: what is shown.
        marks_path: where the marks are kept; those of an earlier session are taken up again.
        made: when, in words.
        port: to listen on; 0 for any that is free.

    Raises:
        UsageError: if the port cannot be had.
        InputError: if `marks_path` is a file of something else.
    """

    def __init__(self, folder: Path, pairs: Sequence[Pair], marks_path: Path, made: str, port: int = 0) -> None:
        self.folder, self.pairs, self.marks_path, self.made = folder, pairs, marks_path, made
        self.marks: dict[int, Mark] = earlier_marks(marks_path, pairs)
        self.writing = threading.Lock()
        self.measurements = Measurements(pairs)
        self.secret = secrets.token_urlsafe(16)
        try:
            self.server = Loopback((LOOPBACK, port), _handler(self))
        except OSError as error:
            raise UsageError(
                f"--port {port}: cannot be had ({error.strerror}); leave it out for any free one"
            ) from None
        self.port = self.server.server_address[1]
        self.hosts = {f"{name}:{self.port}" for name in (LOOPBACK, "localhost")}

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{LOOPBACK}:{self.port}/{self.secret}/"

    def run(self) -> None:
        """Serve until `stop` is called, or Ctrl-C."""
        self.measurements.thread.start()
        try:
            self.server.serve_forever(poll_interval=0.2)
        finally:
            self.measurements.stopped.set()
            self.server.server_close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self.server.shutdown()

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
        """Media type and content of what is at a path below the secret one.

        Raises:
            Refused: if there is nothing.
        """
        if path == "":
            page = page_to_serve(self.folder, self.pairs, self.marks, self.made, self.marks_path)
            return "text/html; charset=utf-8", page.encode()
        if path == "measured":
            start = max(_number(query.get("from", ["0"])[0]), 0)
            return "application/json", json.dumps({"found": self.measurements.found[start:]}).encode()
        kind, _, number = path.partition("/")
        make = self.pictures.get(kind)
        index = _number(number)
        if make is None or not 0 <= index < len(self.pairs):
            raise Refused(HTTPStatus.NOT_FOUND)
        try:
            return make(self.pairs[index])
        except InputError as problem:
            raise Refused(HTTPStatus.NOT_FOUND, str(problem)) from None

    pictures: dict[str, Callable[[Pair], tuple[str, bytes]]] = {  # noqa: RUF012, never changed
        "thumbnail": lambda pair: ("image/webp", thumbnail_of(pair.after)),
        "before": lambda pair: for_browser(pair.before),
        "after": lambda pair: for_browser(pair.after),
    }

    def take_marks(self, body: bytes) -> None:
        """Keep marks that the page sends: a list of numbers of pairs, each with its mark. Paths it cannot send.

        Raises:
            Refused: if it is something else, or cannot be written.
        """
        try:
            marks = {int(number): word for number, word in json.loads(body)}
        except (ValueError, TypeError):
            raise Refused(HTTPStatus.BAD_REQUEST) from None
        if not all(0 <= number < len(self.pairs) and word in MARKS for number, word in marks.items()):
            raise Refused(HTTPStatus.BAD_REQUEST)
        with self.writing:
            try:
                write_marks(self.marks_path, self.folder, self.pairs, marks)
            except DeblurError as problem:
                raise Refused(HTTPStatus.INSUFFICIENT_STORAGE, str(problem)) from None
            self.marks = marks


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refused(HTTPStatus.NOT_FOUND)
    return int(text)


def _handler(review: ReviewServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            self.respond(lambda path, query: review.answer(path, query))

        def do_PUT(self) -> None:
            def take(path: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
                origin = self.headers.get("Origin", "")
                length = self.headers.get("Content-Length", "")
                if path != "marks" or origin.removeprefix("http://") not in review.hosts:
                    raise Refused(HTTPStatus.FORBIDDEN)
                if not length.isdecimal() or int(length) > MOST_BYTES:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                review.take_marks(self.rfile.read(int(length)))
                return "text/plain", b"kept"

            self.respond(take)

        def respond(self, answer: Callable[[str, dict[str, list[str]]], tuple[str, bytes]]) -> None:
            try:
                kind, body = answer(*self.asked())
                status = HTTPStatus.OK
            except Refused as refused:
                status, kind, body = refused.status, "text/plain; charset=utf-8", str(refused).encode()
                self.close_connection = True  # there may be a body that nobody reads
            except Exception as error:  # a mistake in this program, met by one picture; the others are still to be seen
                status, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", type(error).__name__.encode()
            self.send_response(status)
            for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def asked(self) -> tuple[str, dict[str, list[str]]]:
            """Path below the secret one, and query."""
            if self.headers.get("Host") not in review.hosts:
                raise Refused(HTTPStatus.FORBIDDEN)
            url = urlsplit(self.path)
            secret, _, path = url.path.removeprefix("/").partition("/")
            if not secrets.compare_digest(secret.encode(), review.secret.encode()):
                raise Refused(HTTPStatus.NOT_FOUND)
            return path, parse_qs(url.query)

        def log_message(self, format: str, *args: Any) -> None:
            """A line for each request is of no use to anybody."""

    return Handler
