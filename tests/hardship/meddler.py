"""Stands between devices and the workspace on loopback: passes on, cuts, flips a bit, says again what was said before."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

CHUNK = 4096
# What belongs to one connection and not to the message.
HOPS = {"connection", "keep-alive", "transfer-encoding", "host", "te", "trailer", "upgrade", "server", "date"}


@dataclass
class Trick:
    """What is done to the answers of requests whose path begins with `path`, so many `times`; without end below zero.

    `deaf` cuts before the workspace hears of the request, `mute` after it; `length` bytes of a body come through, `flip` is
    the place of a byte that changes on its way, `body` replaces the workspace's.
    """

    path: str
    times: int = -1
    deaf: bool = False
    mute: bool = False
    length: int | None = None
    flip: int | None = None
    body: bytes | None = None
    done: int = 0


@dataclass
class Heard:
    """A request as it went through, with its answer."""

    method: str
    path: str
    headers: dict[str, str]
    status: int
    body: bytes = field(repr=False, default=b"")


class Meddler(ThreadingHTTPServer):
    """Devices are enrolled at its `address`; `tricks` may change at any time, the first that fits is played."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.tricks: list[Trick] = []
        self.heard: list[Heard] = []
        self._open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextlib.contextmanager
    def playing(self, *tricks: Trick) -> Iterator[None]:
        """The tricks are played inside the block, and what is open when it begins is cut if they cut it."""
        self.tricks = list(tricks)
        if any(trick.deaf and trick.path in ("/", "/events/") for trick in tricks):
            self.cut_open_lines()
        try:
            yield
        finally:
            self.tricks = []

    def cut_open_lines(self) -> None:
        """End every connection that is open now."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def trick_for(self, path: str) -> Trick | None:
        """The trick for a request that comes now."""
        for trick in self.tricks:
            if path.startswith(trick.path) and trick.done != trick.times:
                trick.done += 1
                return trick
        return None

    def requests(self, path: str) -> list[Heard]:
        """What went through so far to paths that begin so."""
        return [one for one in list(self.heard) if one.path.startswith(path)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line that broke is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    server: Meddler
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server._open.add(self.connection)

    def finish(self) -> None:
        self.server._open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trick = self.server.trick_for(self.path) or Trick("")
        if trick.deaf:
            return
        upstream = http.client.HTTPConnection(self.server.upstream.hostname or "", self.server.upstream.port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOPS}
            upstream.request(self.command, self.path, body or None, headers)
            self._pass_on(upstream.getresponse(), trick)
        except OSError:
            pass
        finally:
            upstream.close()

    do_POST = do_GET

    def _pass_on(self, answer: http.client.HTTPResponse, trick: Trick) -> None:
        heard = Heard(self.command, self.path, dict(self.headers.items()), answer.status)
        self.server.heard.append(heard)
        if trick.mute:
            answer.read()
            return
        self.send_response_only(200 if trick.body is not None else answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOPS and not (trick.body is not None and name.lower() == "content-length"):
                self.send_header(name, value)
        if trick.body is not None:
            self.send_header("Content-Length", str(len(trick.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if trick.body is not None:
            answer.read()
            self.wfile.write(trick.body)
            return
        sent = 0
        while chunk := answer.read1(CHUNK):
            if trick.flip is not None and sent <= trick.flip < sent + len(chunk):
                at = trick.flip - sent
                chunk = chunk[:at] + bytes([chunk[at] ^ 0x20]) + chunk[at + 1 :]
            if trick.length is not None:
                chunk = chunk[: trick.length - sent]
            self.wfile.write(chunk)
            self.wfile.flush()
            sent += len(chunk)
            if not self.path.startswith("/api/edge/bundles"):
                heard.body += chunk
            if trick.length is not None and sent >= trick.length:
                return

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
