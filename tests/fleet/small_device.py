"""A device for tests: it signs as a real one does and says what it is told to say, without a model and without a thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from annotator.delivery.models import Bundle, Device
from mlcore.edge.agent.orders import Order, read_order
from mlcore.edge.message_signature import certificate_id, public_key_id, sign_request

Act = Callable[[], AbstractContextManager[Any]]


@cache
def line() -> Client:
    """The way to the server that all share: devices have no cookies, and a client of Django's takes long to make."""
    return Client()


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key as devices make it."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """What is shown of it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ask_to_enrol(
    code: str, key: ec.EllipticCurvePrivateKey, *, signer: ec.EllipticCurvePrivateKey | None = None, **more: Any
) -> Any:
    """The answer to a device that comes with a code and a key; `signer` signs in place of that key."""
    body = json.dumps({"code": code, "public_key": public_pem(key), **more}).encode()
    signing = signer or key
    headers = sign_request(
        method="POST", path="/api/edge/enrol", body=body, key=signing, key_id=public_key_id(signing.public_key())
    )
    return line().post("/api/edge/enrol", body, content_type="application/json", headers=headers)


@dataclass
class SmallDevice:
    """One that is enrolled. `runs` is what it says it runs, `serial` the order that it says it took."""

    key: ec.EllipticCurvePrivateKey
    certificate: str
    id: str
    workspace_key: str
    act: Act
    runs: Bundle | None = None
    serial: int = 0
    heard: dict[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> Device:
        """As the workspace has it."""
        return Device.objects.get(pk=self.id)

    def signed(self, method: str, path: str, body: bytes = b"", **options: Any) -> dict[str, str]:
        """The headers of a request."""
        options = {"key": self.key, "key_id": certificate_id(self.certificate)} | options
        return sign_request(method=method, path=path, body=body, **options)

    def post(self, path: str, told: dict[str, Any], **options: Any) -> Any:
        """The answer to a signed request."""
        body = json.dumps(told).encode()
        with self.act():
            headers = self.signed("POST", path, body, **options)
            return line().post(path, body, content_type="application/json", headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        """The same without a body."""
        return line().get(path, headers=self.signed("GET", path) | headers)

    def report(self, state: str, **more: Any) -> dict[str, Any]:
        """What it would say."""
        runs = self.runs and {
            "bundle": self.runs.number, "number": self.runs.number, "sha256": self.runs.sha256, "precision": "INT8",
            "device": "CPU",
        }
        return {"state": state, "order": self.serial or None, "running": runs, "health": {"cpu": 3.5}, **more}

    def says(self, state: str, **more: Any) -> dict[str, Any]:
        """Tell and hear; the answer."""
        answer = self.post("/api/edge/sync", self.report(state, **more))
        assert answer.status_code == 200, answer.content
        self.heard = answer.json()
        return self.heard

    def order(self) -> Order | None:
        """The newest order, read as a real device reads it."""
        self.says(self.row.state if self.row.state != "revoked" else "enrolled")
        envelope = self.heard["order"]
        return envelope and read_order(envelope, workspace_key=self.workspace_key, device=self.id)

    def takes(self, bundle: Bundle) -> None:
        """Carry the newest order out, which is to run `bundle`."""
        order = self.order()
        assert order is not None and (order.number, order.sha256) == (bundle.number, bundle.sha256)
        self.serial, self.runs = order.serial, bundle
        self.says("running", measured={"p50_ms": 7.0, "budget_ms": None, "agreement": 1.0})

    def fails(self, why: str) -> None:
        """Take the newest order, and fail at it."""
        order = self.order()
        assert order is not None
        self.serial = order.serial
        self.says("failed", why=why)
