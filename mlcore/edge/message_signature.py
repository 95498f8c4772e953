"""Signed HTTP requests: HTTP Message Signatures (RFC 9421) with ecdsa-p256-sha256 over a Content-Digest (RFC 9530).

A device signs what it asks for with its own key, so that the request proves who made it behind any proxy that ends TLS.
"""

import base64
import binascii
import hashlib
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LABEL = "edge"
COMPONENTS = ("@method", "@path", "@query", "content-digest")

# Seconds that the clocks of device and server may be apart; also how long a nonce must be remembered, twice.
WINDOW = 300

_HALF = 32  # bytes of r and of s on P-256

# What an input member must look like. Only our own requests are read, so the order is fixed and there is one reading.
_INPUT = re.compile(
    rf"(?:^|,)[ \t]*{LABEL}=(?P<params>"
    + re.escape(f"({' '.join(chr(34) + name + chr(34) for name in COMPONENTS)})")
    + r';created=(?P<created>[0-9]{1,12});nonce="(?P<nonce>[\x21\x23-\x5b\x5d-\x7e]{1,64})";keyid="(?P<keyid>[0-9a-f]{64})")'
    r"[ \t]*(?:,|$)"
)
_SIGNATURE = re.compile(rf"(?:^|,)[ \t]*{LABEL}=:(?P<signature>[A-Za-z0-9+/]+={{0,2}}):[ \t]*(?:,|$)")


class SignatureProblem(Exception):
    """The request is not what its sender signed; ``code`` is unsigned, malformed, digest or signature."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Claim:
    """What the signature says of itself: ``created`` in Unix seconds, a ``nonce``, and whose key (SHA-256, hex).

    Nothing of it is proven until verify_request has passed with that key.
    """

    created: int
    nonce: str
    key_id: str


def certificate_id(certificate: str | bytes) -> str:
    """SHA-256 (hex) of a certificate's DER, from its PEM: the key id of an enrolled device. Raises ValueError."""
    data = certificate.encode() if isinstance(certificate, str) else certificate
    return x509.load_pem_x509_certificate(data).fingerprint(hashes.SHA256()).hex()


def public_key_id(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 (hex) of a public key's DER: the key id of a device that has no certificate yet."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def content_digest(body: bytes) -> str:
    """The value of Content-Digest (RFC 9530) of a body, of the empty one too."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(
    *,
    method: str,
    path: str,
    query: str = "",
    body: bytes = b"",
    key: ec.EllipticCurvePrivateKey,
    key_id: str,
    created: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """Headers that prove a request: Content-Digest, Signature-Input, Signature.

    ``path`` is as it stands in the request line, ``query`` without its question mark; ``created`` (Unix seconds) is the
    clock of the server where the device knows it; ``nonce`` is a fresh one if not given.
    """
    digest = content_digest(body)
    params = (
        f"({' '.join(f'{chr(34)}{name}{chr(34)}' for name in COMPONENTS)})"
        f';created={int(time.time()) if created is None else created};nonce="{nonce or uuid.uuid4().hex}";keyid="{key_id}"'
    )
    base = signature_base(_values(method, path, query, digest), params)
    signature = base64.b64encode(_raw(key.sign(base, ec.ECDSA(hashes.SHA256())))).decode()
    return {"Content-Digest": digest, "Signature-Input": f"{LABEL}={params}", "Signature": f"{LABEL}=:{signature}:"}


def read_claim(headers: Mapping[str, str]) -> Claim:
    """Whose key the request names and when it was made. ``headers`` finds names in any case.

    Raises SignatureProblem: ``unsigned`` without a signature, ``malformed`` with another one than sign_request makes.
    """
    return _read(headers)[0]


def verify_request(
    *, headers: Mapping[str, str], method: str, path: str, query: str = "", body: bytes = b"", key: ec.EllipticCurvePublicKey
) -> Claim:
    """Check that the owner of ``key`` signed this very request. The caller judges age and nonce of what it gives.

    ``headers`` finds names in any case (as Django's and http.client's do); ``query`` has no question mark.
    Raises SignatureProblem.
    """
    claim, params, signature = _read(headers)
    digest = content_digest(body)
    if headers.get("Content-Digest") != digest:
        raise SignatureProblem("digest", "Content-Digest is not the SHA-256 of the body; send the body unchanged.")
    if not verify_base(signature_base(_values(method, path, query, digest), params), signature, key):
        raise SignatureProblem("signature", "The signature does not fit the request; sign it with the device's own key.")
    return claim


def signature_base(components: Iterable[tuple[str, str]], params: str) -> bytes:
    """The signature base (RFC 9421, section 2.5): one line a component, then the parameters as they were sent."""
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def verify_base(base: bytes, signature: bytes, key: ec.EllipticCurvePublicKey) -> bool:
    """Tell whether ``signature``, r and s of 32 bytes each (RFC 9421, section 3.3.4), is the key's for ``base``."""
    if len(signature) != 2 * _HALF or not isinstance(key.curve, ec.SECP256R1):
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    try:
        key.verify(encode_dss_signature(r, s), base, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _values(method: str, path: str, query: str, digest: str) -> list[tuple[str, str]]:
    return list(zip(COMPONENTS, (method.upper(), path, f"?{query}", digest), strict=True))


def _raw(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def _read(headers: Mapping[str, str]) -> tuple[Claim, str, bytes]:
    given, value = headers.get("Signature-Input"), headers.get("Signature")
    if not given or not value:
        raise SignatureProblem("unsigned", "The request is not signed; enrol the device and let its agent ask.")
    claimed, signed = _INPUT.search(given), _SIGNATURE.search(value)
    if claimed is None or signed is None:
        raise SignatureProblem("malformed", "Signature-Input and Signature are not as an edge-annotator device makes them.")
    try:
        signature = base64.b64decode(signed["signature"], validate=True)
    except binascii.Error as problem:
        raise SignatureProblem("malformed", "Signature is not valid base64; send it unchanged.") from problem
    return Claim(int(claimed["created"]), claimed["nonce"], claimed["keyid"]), claimed["params"], signature
