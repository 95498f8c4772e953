"""The workspace's own keys: one signs what leaves, one vouches for devices and for the address that they call."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import re
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from annotator.projects.errors import Invalid, Unavailable

# A device whose clock stands at 1970 or at 2100 must find its way home, and no date would make a key safer that lies
# beside the workspace: what is no longer trusted is revoked by name. RFC 5280, 4.1.2.5, for devices without an end.
_FROM = datetime(1970, 1, 1, tzinfo=UTC)
_UNTIL = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

_DNS_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")

SIGNING = "signing.pem"
AUTHORITY, AUTHORITY_CERTIFICATE = "authority.pem", "authority.crt"
SERVER = "server.pem"


def folder() -> Path:
    """Where the keys lie, DATA_DIR/keys, for its owner alone (0700); made when it is missing."""
    path = Path(settings.DATA_DIR) / "keys"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def signing_key() -> ec.EllipticCurvePrivateKey:
    """The EC P-256 key that signs bundles and orders; made at the first call, the same ever after.

    Raises Unavailable when the file is no such key.
    """
    return _key(SIGNING)


def public_pem() -> str:
    """The public half of `signing_key`, PEM: what devices verify bundles and orders with."""
    return _public_pem(signing_key().public_key())


def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The workspace's certificate authority: its key, and the certificate that devices trust and nothing else."""
    key = _key(AUTHORITY)

    def certify() -> bytes:
        name = f"Edge Annotator workspace {_key_id(key.public_key()).hex()[:16]}"
        draft = _draft(name, key.public_key(), key, name)
        draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return _signed(draft.add_extension(_usage(signs_certificates=True), critical=True), key)

    path = folder() / AUTHORITY_CERTIFICATE
    certificate = _certificate(path, _read_or_make(path, certify))
    if certificate.public_key() != key.public_key():
        raise Unavailable(
            f"{path} is not the certificate of {AUTHORITY}: put both back from the same backup, or delete the "
            "certificate and enrol every device again."
        )
    return key, certificate


def authority_pem() -> str:
    """The certificate of `authority`, PEM: the only one that devices trust."""
    return authority()[1].public_bytes(serialization.Encoding.PEM).decode("ascii")


def issue_device(request: str | ec.EllipticCurvePublicKey, device_id: str) -> str:
    """A certificate, PEM, that names the holder of a key ``device_id`` (its common name), for TLS and message signatures.

    ``request`` is PEM, a certificate signing request or a public key, or the public key itself: EC P-256.
    Raises Invalid.
    """
    key, own = authority()
    public = _requested_key(request) if isinstance(request, str) else request
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise Invalid("The device's key must be an EC key on the curve P-256.", field="public_key")
    draft = _draft(device_id, public, key, _common_name(own))
    draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    draft = draft.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return _signed(draft.add_extension(_usage(signs_certificates=False), critical=True), key).decode()


def issue_server(hosts: Sequence[str]) -> tuple[Path, Path]:
    """Key and certificate files, PEM, of a TLS listener reached under ``hosts``: DNS names and IP addresses.

    The key is made once, so that `pin` holds whatever the hosts are; each set of hosts has a certificate of its own.
    Raises Invalid when a host is neither.
    """
    names = [_general_name(host) for host in sorted(set(hosts))]
    if not names:
        raise Invalid("A TLS listener needs at least one host.", field="hosts")
    key, own = authority()
    public = _key(SERVER).public_key()

    def certify() -> bytes:
        draft = _draft("Edge Annotator", public, key, _common_name(own))
        draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        draft = draft.add_extension(x509.SubjectAlternativeName(names), critical=False)
        draft = draft.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return _signed(draft.add_extension(_usage(signs_certificates=False), critical=True), key)

    # The name tells what is certified by whom, so processes with other hosts, or a new authority, never mix.
    of = hashlib.sha256(_key_id(public) + _key_id(key.public_key()) + "\n".join(sorted(set(hosts))).encode())
    path = folder() / f"server-{of.hexdigest()[:16]}.crt"
    _certificate(path, _read_or_make(path, certify))
    return folder() / SERVER, path


def pin() -> str:
    """What curl's ``--pinnedpubkey sha256//...`` takes for the TLS listener: base64 of the SHA-256 of its public key."""
    public = _key(SERVER).public_key()
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def open_to_others() -> list[Path]:
    """The private keys, and their folder, that others than their owner may read; empty where rights mean nothing."""
    path = Path(settings.DATA_DIR) / "keys"
    if os.name != "posix" or not path.is_dir():
        return []
    return [one for one in (path, *sorted(path.glob("*.pem"))) if stat.S_IMODE(one.stat().st_mode) & 0o077]


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    def make() -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    path = folder() / name
    try:
        key = serialization.load_pem_private_key(_read_or_make(path, make), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unavailable(f"{path} is not a private key: put it back from a backup.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Unavailable(f"{path} is not an EC key on the curve P-256: put it back from a backup.")
    return key


def _read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content; whoever finds none makes it. Of many at once one wins, and nobody reads half a file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    half = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)
    except FileExistsError:
        pass
    finally:
        half.unlink(missing_ok=True)
    return path.read_bytes()


def _draft(
    name: str, public: ec.EllipticCurvePublicKey, authority_key: ec.EllipticCurvePrivateKey, authority_name: str
) -> x509.CertificateBuilder:
    # Both key identifiers: Python 3.13 and later trust no chain without them.
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority_name)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )


def _signed(draft: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return draft.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )


def _certificate(path: Path, data: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise Unavailable(f"{path} is not a certificate: put it back from a backup.") from error


def _requested_key(pem: str) -> object:
    try:
        if "CERTIFICATE REQUEST" not in pem:
            return serialization.load_pem_public_key(pem.encode())
        request = x509.load_pem_x509_csr(pem.encode())
        public = request.public_key()
        if not request.is_signature_valid:
            raise Invalid("The signing request is not signed by its own key.", field="public_key")
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise Invalid("The device's key is not a PEM of an EC public key.", field="public_key") from error
    return public


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode("ascii")
    except ValueError:
        name = ""
    if not _DNS_NAME.fullmatch(name):
        raise Invalid(f"'{host}' is neither a host's name nor an IP address.", field="hosts")
    return x509.DNSName(name)


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _public_pem(key: ec.EllipticCurvePublicKey) -> str:
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")


def _key_id(key: ec.EllipticCurvePublicKey) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(key).digest
