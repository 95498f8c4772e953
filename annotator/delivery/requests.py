"""Who a device's request is from: proven by its signature, its age, and by never having come before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate

from annotator.delivery.models import Device
from annotator.jobs import bus
from annotator.projects.errors import NotFound, Revoked, Unproven
from mlcore.edge.message_signature import WINDOW, Claim, SignatureProblem, public_key_id, read_claim, verify_request

# A nonce is remembered for as long as any clock within the window could make its request look fresh.
NONCE_SECONDS = 2 * WINDOW
UNKNOWN = "The workspace does not know this device's certificate: enrol the device again."
REVOKED = "This device was revoked: it goes on with what it has, and gets nothing new. Enrol it again to change that."
CLOCK = "This device's clock is off by {seconds} seconds, more than {most} is too much: 'now' is the right time."
REPLAYED = "This request has come before: a device signs each request anew."


@dataclass(frozen=True)
class Signed:
    """What a signature covers: `path` as in the request line, `query` without its question mark, the whole body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def proven_device(request: Signed) -> Device:
    """The device that signed the request. Raises Unproven (401), Revoked (403), NotFound when its project was put away."""
    claim = _claim(request)
    device = Device.objects.select_related("project").filter(fingerprint=claim.key_id).first()
    if device is None:
        raise Unproven(UNKNOWN, code="unknown_device")
    key = load_pem_x509_certificate(device.certificate.encode()).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Unproven(UNKNOWN, code="unknown_device")
    _verify(request, key)
    _check_age(claim)
    _check_new(claim)
    if device.revoked_at is not None:
        raise Revoked(REVOKED)
    if device.project.archived_at is not None:
        raise NotFound("The project of this device was put away: enrol the device in another.")
    return device


def check_holder(request: Signed, key: ec.EllipticCurvePublicKey) -> None:
    """See that who sent the request holds `key`, which no certificate vouches for yet. Raises Unproven."""
    claim = _claim(request)
    if claim.key_id != public_key_id(key):
        raise Unproven("The request is signed with another key than the one it brings.", code="signature")
    _verify(request, key)
    _check_age(claim)
    _check_new(claim)


def _claim(request: Signed) -> Claim:
    try:
        return read_claim(request.headers)
    except SignatureProblem as problem:
        raise Unproven(problem.message, code=problem.code) from problem


def _verify(request: Signed, key: ec.EllipticCurvePublicKey) -> None:
    try:
        verify_request(
            headers=request.headers, method=request.method, path=request.path, query=request.query, body=request.body,
            key=key,
        )
    except SignatureProblem as problem:
        raise Unproven(problem.message, code=problem.code) from problem


def _check_age(claim: Claim) -> None:
    now = time.time()
    off = abs(now - claim.created)
    if off > WINDOW:
        raise Unproven(CLOCK.format(seconds=round(off), most=WINDOW), code="clock", now=now)


def _check_new(claim: Claim) -> None:
    """Of a request that comes twice the second is refused; without Redis only its age counts."""
    if bus.raise_flag(f"nonce:{claim.key_id}:{claim.nonce}", seconds=NONCE_SECONDS) is False:
        raise Unproven(REPLAYED, code="replayed")
