"""A bundle over HTTP with nothing but the standard library."""

import json
import re
import threading
from contextlib import nullcontext, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mlcore.edge.kserve import handle
from mlcore.edge.page import Page, html
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import InferenceFailed, Model
from mlcore.edge.sinks import is_loopback
from mlcore.edge.station import NO_MODEL, NoModel, Station

MAX_BODY = 20 * 1024 * 1024

# A large picture takes a few hundred MB while it is decoded, so only so many at once; others wait.
MAX_DECODING = 4

# Seconds a client may keep silent before its connection is closed.
PATIENCE = 30

PAGE_PATHS = ("/", "/page/state", "/page/picture")

_FILE_PART = re.compile(rb"^content-disposition:[^\r\n]*\bfilename\*?=", re.IGNORECASE | re.MULTILINE)


class RequestProblem(Exception):
    """The request cannot be answered; ``status`` and one sentence with the mend go to the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class EdgeServer(ThreadingHTTPServer):
    """Answers for a Station; ``server_address`` tells the port that was taken."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], station: Station, *, max_body: int, top: int, page: Page | None = None
    ) -> None:
        super().__init__(address, EdgeHandler)
        self.page = page
        self.station = station
        self.max_body = max_body
        self.top = top
        self.decoding = threading.BoundedSemaphore(MAX_DECODING)

    @property
    def model(self) -> Model:
        """The model that serves now. Raises NoModel."""
        model = self.station.model
        if model is None:
            raise NoModel(NO_MODEL)
        return model


def create_server(
    station: Station | Model, host: str, port: int, *, max_body: int = MAX_BODY, top: int = 3, page: Page | None = None
) -> EdgeServer:
    """Bind the port; call ``serve_forever`` on what is returned. Raises OSError when the port is taken.

    ``page`` is shown at /, to whoever can reach the port.
    """
    if not isinstance(station, Station):
        station = Station(station)
    return EdgeServer((host, port), station, max_body=max_body, top=top, page=page)


class EdgeHandler(BaseHTTPRequestHandler):
    """POST /predict, GET /healthz, GET /metadata; every answer is JSON."""

    server: EdgeServer
    timeout = PATIENCE
    protocol_version = "HTTP/1.1"
    server_version = "edge-annotator"
    sys_version = ""

    def do_GET(self) -> None:
        """Tell the state or the metadata."""
        self._handle("GET")

    def do_POST(self) -> None:
        """Tell the class of the picture in the body."""
        self._handle("POST")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in JSON what the standard library refuses by itself: other methods, lines that are no request."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"Use {self._allowed()} for this path."})
        else:
            status = HTTPStatus(code)
            self._send(status, {"error": f"This is not a request that can be read ({status.phrase}); send it again."})

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: one line a picture would wear out a device's flash."""

    def _handle(self, method: str) -> None:
        address = urlsplit(self.path)
        page = self.server.page
        if page is not None and method == "GET" and address.path in PAGE_PATHS:
            self._show(page, address.path)
            return
        if address.path == "/v2" or address.path.startswith("/v2/"):
            self._kserve(method, address.path)
            return
        routes = {
            "/predict": ("POST", self._predict),
            "/healthz": ("GET", self._health),
            "/metadata": ("GET", self._metadata),
        }
        try:
            try:
                if address.path not in routes:
                    raise RequestProblem(
                        HTTPStatus.NOT_FOUND,
                        "There is no such path; use POST /predict, GET /healthz or GET /metadata.",
                    )
                allowed, answer = routes[address.path]
                if method != allowed:
                    raise RequestProblem(HTTPStatus.METHOD_NOT_ALLOWED, f"Use {allowed} for {address.path}.")
                self._send(HTTPStatus.OK, answer(address.query))
            except NoModel as problem:
                self.close_connection = True
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "no model", "error": str(problem)})
            except InferenceFailed as problem:
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(problem)})
            except RequestProblem as problem:
                # The body may not have been read, so what follows on this connection is not a request.
                self.close_connection = True
                self._send(problem.status, {"error": problem.message})
        except (ConnectionError, TimeoutError):
            # The client has gone or is silent; there is nobody to tell.
            self.close_connection = True

    def _kserve(self, method: str, path: str) -> None:
        """Answer for a path of the KServe protocol."""
        source = f"kserve:{self.client_address[0]}"
        try:
            try:
                body = self._read_body() if method == "POST" else b""
            except RequestProblem as problem:
                self.close_connection = True
                self._send(problem.status, {"error": problem.message})
                return
            # Whether it lives and is ready is told while all others wait.
            with self.server.decoding if method == "POST" else nullcontext():
                reply = handle(
                    method, path, self.headers, body, lambda: self.server.model,
                    lambda picture, many: self.server.station.answer(picture, source, many=many),
                )  # fmt: skip
            if reply is None:
                self._send(HTTPStatus.NOT_FOUND, {"error": "There is no such path; GET /v2 tells what is here."})
                return
            status, headers, told = reply
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(told)), "X-Content-Type-Options": "nosniff"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _show(self, page: Page, path: str) -> None:
        """Answer for one of PAGE_PATHS."""
        status, kind, body, policy = HTTPStatus.OK, "application/json; charset=utf-8", b"", "default-src 'none'"
        if is_loopback(str(self.server.server_address[0])) and not is_loopback(_host_name(self.headers.get("Host", ""))):
            # A page from elsewhere whose name was made to lead here must not see the picture (DNS rebinding).
            status, body = HTTPStatus.FORBIDDEN, b'{"error": "Open this page by the address 127.0.0.1 or localhost."}'
        elif path == "/":
            kind = "text/html; charset=utf-8"
            body, policy = html()
        elif path == "/page/state":
            body = json.dumps(page.state(), ensure_ascii=False).encode()
        else:
            picture = page.picture()
            status, kind, body = (HTTPStatus.OK, "image/jpeg", picture) if picture else (HTTPStatus.NOT_FOUND, kind, b"{}")
        with suppress(ConnectionError, TimeoutError):
            self.send_response(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Content-Security-Policy", policy),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("Referrer-Policy", "no-referrer"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def _health(self, query: str) -> dict[str, Any]:
        model = self.server.model
        return {"status": "ok", "precision": model.precision, "device": model.device, "runs_on": model.runs_on}

    def _metadata(self, query: str) -> dict[str, Any]:
        model = self.server.model
        return {
            "precision": model.precision,
            "device": model.device,
            "runs_on": model.runs_on,
            "labels": list(model.labels),
            "manifest": model.metadata,
        }

    def _predict(self, query: str) -> dict[str, Any]:
        top = _read_top(query, self.server.top)
        data = self._read_picture()
        try:
            with self.server.decoding:
                predictions = self.server.station.answer(data, f"http:{self.client_address[0]}", top=top).predictions
        except UnreadableImage as problem:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if problem.code == "too_large" else HTTPStatus.BAD_REQUEST
            raise RequestProblem(status, problem.message) from problem
        return {
            "label": predictions[0].label,
            "confidence": predictions[0].confidence,
            "top": [{"label": one.label, "confidence": one.confidence} for one in predictions],
        }

    def _read_picture(self) -> bytes:
        """The bytes of the picture: the raw body, or the first file of a multipart form."""
        body = self._read_body()
        if self.headers.get_content_type() == "multipart/form-data":
            return _first_file(self.headers.get_boundary(), body)
        return body

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            raise RequestProblem(
                HTTPStatus.LENGTH_REQUIRED,
                "Content-Length is missing; send the picture in one piece, not in chunks.",
            )
        if int(length) > self.server.max_body:
            raise RequestProblem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body has {int(length):,} bytes, at most {self.server.max_body:,} are taken; send a smaller picture.",
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "The body is shorter than Content-Length says; send it again.")
        return body

    def _send(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        body = (json.dumps(answer, ensure_ascii=False) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", self._allowed())
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _allowed(self) -> str:
        return "POST" if urlsplit(self.path).path == "/predict" else "GET"


def _host_name(header: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _read_top(query: str, usual: int) -> int:
    values = parse_qs(query).get("top")
    if values is None:
        return usual
    if not re.fullmatch("[1-9][0-9]{0,8}", values[-1]):
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "top must be a whole number from 1; leave it out for the usual number.")
    return int(values[-1])


def _first_file(boundary: str | None, body: bytes) -> bytes:
    """The first part that has a file name (RFC 7578), byte for byte."""
    if not boundary:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "The form's Content-Type has no boundary; let your client set it.")
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        if _FILE_PART.search(head):
            return content
    raise RequestProblem(HTTPStatus.BAD_REQUEST, "The form has no file; put the picture into a file field.")
