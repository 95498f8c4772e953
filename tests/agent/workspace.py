"""A workspace in a thread: it signs, vouches, answers devices, and breaks down when told to."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from mlcore.edge.agent.orders import PAYLOAD_TYPE
from mlcore.edge.message_signature import WINDOW, SignatureProblem, certificate_id, read_claim, verify_request
from mlcore.signing import seal

DAY = datetime.timedelta(days=1)


class Authority:
    """Vouches for servers and devices."""

    def __init__(self, name: str = "test workspace") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._issue(name, self.key.public_key(), authority=True)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def for_device(self, key: ec.EllipticCurvePublicKey, device: str) -> str:
        return self._issue(device, key).public_bytes(Encoding.PEM).decode()

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """TLS for 127.0.0.1."""
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue("server", key.public_key(), host="127.0.0.1")
        both = folder / "server.pem"
        both.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        return context

    def _issue(
        self, name: str, key: ec.EllipticCurvePublicKey, *, authority: bool = False, host: str | None = None
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if authority else self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


class Workspace(ThreadingHTTPServer):
    """Answers on a free port of 127.0.0.1, over TLS where `folder` is given.

    `order` is what each sync answers; `zips` maps a bundle's number to the file; `cuts` are the bytes after which the next
    downloads break off; `spoil` damages so many downloads; `away` drops every connection; `ahead` is how far its clock is
    ahead; `revoked` shuts all devices out. `syncs`, `ranges`, `vitals`, `sightings` hold what came.
    """

    daemon_threads = True

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.authority = Authority()
        self.signing_key = ec.generate_private_key(ec.SECP256R1())
        self.certificates: dict[str, str] = {}
        self.codes = {"ABCD-EFGH"}
        self.order: Any = None
        self.settings: dict[str, Any] = {"privacy": "nothing", "sync_seconds": 20}
        self.zips: dict[int, Path] = {}
        self.cuts: list[int] = []
        self.spoil = 0
        self.no_ranges = False
        self.away = False
        self.revoked = False
        self.ahead = 0.0
        self.serial = 0
        self.syncs: list[dict[str, Any]] = []
        self.ranges: list[str | None] = []
        self.vitals: list[Any] = []
        self.sightings: list[bytes] = []
        self.look = threading.Event()
        self.context = self.authority.server_context(folder) if folder else None
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.server_address[1]}"

    @property
    def public_pem(self) -> str:
        return self.signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def give_order(self, device: str, number: int, **changes: Any) -> dict[str, Any]:
        """The newest order from now on: run this bundle."""
        self.serial += 1
        data = self.zips[number].read_bytes()
        row = {
            "device": device,
            "serial": self.serial,
            "bundle": {"number": number, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "version": number},
            "rollback": False,
            "budget_ms": None,
            "issued_at": "2026-11-23T00:00:00+00:00",
            **changes,
        }
        self.order = seal(json.dumps(row).encode(), PAYLOAD_TYPE, self.signing_key)
        return self.order

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.away:
            return
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Devices hang up; that is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    server: Workspace

    def do_GET(self) -> None:
        if not self._is_proven(b""):
            return
        if self.path == "/events/device":
            self._stream()
        else:
            self._bundle(int(self.path.rsplit("/", 1)[1]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/edge/enrol":
            self._enrol(json.loads(body))
        elif self._is_proven(body):
            workspace = self.server
            if self.path == "/api/edge/sync":
                workspace.syncs.append(json.loads(body))
                self._answer(200, {"now": time.time(), "order": workspace.order, "settings": workspace.settings})
            elif self.path == "/api/edge/vitals":
                workspace.vitals.append(json.loads(body))
                self._answer(200, {})
            else:
                workspace.sightings.append(body)
                self._answer(200, {"status": "stored"})

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _is_proven(self, body: bytes) -> bool:
        workspace = self.server
        try:
            claim = read_claim(self.headers)
            certificate = x509.load_pem_x509_certificate(workspace.certificates[claim.key_id].encode())
            path, _, query = self.path.partition("?")
            verify_request(
                headers=self.headers, method=self.command, path=path, query=query, body=body, key=certificate.public_key()
            )
        except (SignatureProblem, KeyError) as problem:
            self._refuse(401, "unsigned", str(problem))
            return False
        now = time.time() + workspace.ahead
        if abs(now - claim.created) > WINDOW:
            self._refuse(401, "clock", "The clock is off.", now=now)
            return False
        if workspace.revoked:
            self._refuse(403, "revoked", "This device was revoked.")
            return False
        return True

    def _enrol(self, body: dict[str, Any]) -> None:
        workspace = self.server
        if body["code"] not in workspace.codes:
            self._refuse(403, "not_allowed", "This code is not known.")
            return
        workspace.codes.remove(body["code"])
        device = f"device-{len(workspace.certificates) + 1}"
        certificate = workspace.authority.for_device(load_pem_public_key(body["public_key"].encode()), device)
        workspace.certificates[certificate_id(certificate)] = certificate
        self._answer(
            201,
            {
                "device": device,
                "name": body["name"],
                "certificate": certificate,
                "authority": workspace.authority.pem,
                "workspace_key": workspace.public_pem,
                "now": time.time(),
            },
        )

    def _bundle(self, number: int) -> None:
        workspace = self.server
        data = workspace.zips[number].read_bytes()
        wanted = self.headers.get("Range")
        workspace.ranges.append(wanted)
        begin = 0
        if wanted and not workspace.no_ranges:
            begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        if workspace.spoil:
            workspace.spoil -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        end = begin + workspace.cuts.pop(0) if workspace.cuts else len(data)
        self.wfile.write(data[begin:end])

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        while True:
            if self.server.look.wait(0.05):
                self.server.look.clear()
                self.wfile.write(b"event: look\ndata: {}\n\n")
            else:
                self.wfile.write(b": still here\n\n")

    def _refuse(self, status: int, code: str, message: str, **more: Any) -> None:
        self._answer(status, {"error": {"code": code, "message": message, "field": None}, **more})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
