"""The way to the workspace: signed requests over TLS that trusts one anchor, with a time limit on everything."""

import base64
import datetime
import hashlib
import http.client
import ipaddress
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlcore.edge.agent.identity import Identity, Workspace
from mlcore.edge.message_signature import sign_request

# Seconds without a byte before a connection is given up.
PATIENCE = 30.0

# The most that is read of an answer that is not a file.
MAX_ANSWER = 1 << 20
MAX_LINE = 1 << 16


class LinkProblem(Exception):
    """The request was not answered as it should be; the message is a sentence that a person can act on."""


class Unreachable(LinkProblem):
    """No answer came: the network, the server or the way between is down, or it is not the server that we trust."""


class Refused(LinkProblem):
    """The server said no: ``status`` is HTTP's, ``code`` the server's name for the reason, ``body`` its whole answer."""

    def __init__(self, status: int, code: str, message: str, body: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = body


class Reply:
    """An answer that is read bit by bit. ``headers`` finds names in any case."""

    def __init__(self, response: http.client.HTTPResponse, cuts: Callable[[], AbstractContextManager[None]]) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._cuts = cuts

    def read(self, most: int) -> bytes:
        """Up to ``most`` bytes, none at the end. Raises Unreachable when the connection is cut before it."""
        with self._cuts():
            return self._response.read1(most)

    def line(self) -> bytes:
        """The next line with its end, empty when the answer is over. Raises Unreachable."""
        with self._cuts():
            return self._response.readline(MAX_LINE)


class Link:
    """Asks one workspace in the name of one device. May be used from several threads; each request has its own connection.

    The difference between this device's clock and the server's is learnt when the server complains, and kept.
    """

    def __init__(self, identity: Identity, *, patience: float = PATIENCE) -> None:
        self.identity = identity
        self.workspace = identity.workspace
        self.patience = patience
        self.clock_offset = 0.0
        self._address = urlsplit(check_address(identity.workspace.url))
        self._tls = _trust(identity.workspace) if self._address.scheme == "https" else None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send JSON, get JSON. Raises Unreachable, Refused."""
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self.send(method, path, data, "application/json")

    def send(self, method: str, path: str, data: bytes, content_type: str) -> dict[str, Any]:
        """Send any body, get JSON. Raises Unreachable, Refused."""
        with self.open(method, path, data, {"Content-Type": content_type} if data else {}) as reply:
            return _json(reply)

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        patience: float | None = None,
    ) -> Iterator["Reply"]:
        """The answer to one signed request, to be read within the block.

        ``path`` may carry a query. ``patience`` is the longest silence in seconds. Raises Unreachable, Refused.
        """
        connection = self._connection(patience or self.patience)
        try:
            with self._cuts():
                response = self._exchange(connection, method, path, data, headers or {})
                if response.status == http.HTTPStatus.UNAUTHORIZED:
                    refused = _refusal(response)
                    if refused.code != "clock" or not self._set_clock(refused.body):
                        raise refused
                    connection.close()
                    response = self._exchange(connection, method, path, data, headers or {})
                if response.status >= http.HTTPStatus.BAD_REQUEST:
                    raise _refusal(response)
                if response.status >= http.HTTPStatus.MULTIPLE_CHOICES:
                    raise Refused(
                        response.status, "moved", f"{self._address.netloc} sends us elsewhere; mend the address.", {}
                    )
            yield Reply(response, self._cuts)
        finally:
            connection.close()

    @contextmanager
    def _cuts(self) -> Iterator[None]:
        """Turn whatever breaks on the way into Unreachable."""
        try:
            yield
        except (OSError, http.client.HTTPException) as problem:
            raise Unreachable(f"{self._address.netloc} does not answer: {_why(problem)}.") from problem

    def _connection(self, patience: float) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=patience)
        return http.client.HTTPSConnection(host, port, timeout=patience, context=self._tls)

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, data: bytes, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        where = urlsplit(self._address.path.rstrip("/") + path)
        signed = sign_request(
            method=method,
            path=where.path,
            query=where.query,
            body=data,
            key=self.identity.key,
            key_id=self.identity.key_id,
            created=round(time.time() + self.clock_offset),
        )
        connection.connect()
        if self._tls is not None and self.identity.workspace.pin:
            _check_pin(connection.sock, self.identity.workspace.pin)
        connection.request(method, where.geturl(), body=data or None, headers={**headers, **signed})
        return connection.getresponse()

    def _set_clock(self, body: Mapping[str, Any]) -> bool:
        """Learn the server's time from its complaint; False when it does not tell."""
        error = body.get("error")
        now = _seconds(body.get("now", error.get("now") if isinstance(error, dict) else None))
        if now is None:
            return False
        self.clock_offset = now - time.time()
        return True


class NoLink(Link):
    """The link of a device whose key or certificate is not in order: each request says so, and nobody is asked.

    What the device trusts it still knows, so what lies on its disk can be proven and goes on serving.
    """

    def __init__(self, workspace: Workspace, problem: str) -> None:
        self.workspace = workspace
        self._problem = problem

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        patience: float | None = None,
    ) -> Iterator["Reply"]:
        """Raises Unreachable."""
        raise Unreachable(self._problem)
        yield


def check_address(url: str) -> str:
    """The address if a device may use it: https, or http to this very machine. Raises LinkProblem."""
    try:
        address = urlsplit(url)
        host, _ = address.hostname, address.port
    except ValueError as problem:
        raise LinkProblem(f"{url!r} is not an address ({problem}); give one as https://host:port.") from problem
    if not host or address.scheme not in ("http", "https") or address.query or address.fragment:
        raise LinkProblem(f"{url!r} is not an address; give one as https://host:port.")
    if address.scheme == "http" and not _is_loopback(host):
        raise LinkProblem(f"{url} is not encrypted, which is taken only to this very machine; give the https address.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trust(workspace: Workspace) -> ssl.SSLContext:
    """TLS that believes certificates of the workspace's authority for this very host, and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if workspace.pin:
        # The key itself is compared after the handshake, before anything is sent: who signed it does not matter.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(cadata=workspace.authority)
    except ssl.SSLError as problem:
        raise LinkProblem("The workspace's authority is not a certificate; enrol this device again.") from problem
    return context


def _check_pin(connection: Any, pin: str) -> None:
    der = connection.getpeercert(binary_form=True)
    spki = x509.load_der_x509_certificate(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if base64.b64encode(hashlib.sha256(spki).digest()).decode() != pin:
        raise ssl.SSLCertVerificationError("the server shows another key than the one this device trusts")


def _json(reply: Reply) -> dict[str, Any]:
    data = b""
    while len(data) <= MAX_ANSWER and (more := reply.read(MAX_ANSWER)):
        data += more
    try:
        value = json.loads(data) if len(data) <= MAX_ANSWER else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unreachable("What answers is not a workspace; check the address and the proxies on the way.")
    return value


def _refusal(response: http.client.HTTPResponse) -> Refused:
    try:
        body = json.loads(response.read(MAX_ANSWER))
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    code = str(error.get("code") or body.get("code") or f"http_{response.status}")
    message = str(error.get("message") or f"The workspace answered {response.status} {response.reason}.")
    return Refused(response.status, code, message, body)


def _seconds(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment.timestamp() if moment.tzinfo else moment.replace(tzinfo=datetime.UTC).timestamp()
    return None


def _why(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        reason = getattr(problem, "verify_message", None) or str(problem)
        return f"it is not the server that this device trusts ({reason})"
    if isinstance(problem, TimeoutError):
        return "it is silent"
    if isinstance(problem, http.client.IncompleteRead | http.client.RemoteDisconnected | ConnectionError):
        return "the connection was cut" if not isinstance(problem, ConnectionRefusedError) else "nothing listens there"
    return str(getattr(problem, "strerror", None) or problem or type(problem).__name__)
