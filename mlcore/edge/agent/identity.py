"""Who this device is: its own key, the certificate that the workspace gave it, and what it trusts."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mlcore.edge.agent.durable import read_json, sync_folder, write_json, write_whole
from mlcore.edge.agent.home import Home
from mlcore.edge.message_signature import certificate_id, public_key_id


class IdentityProblem(Exception):
    """The device is not enrolled, or its files do not belong together; the message is a sentence with the mend."""


@dataclass(frozen=True)
class Workspace:
    """What the device trusts and where to find it.

    ``authority`` is the PEM of the only certificate authority that the server may show one of; ``pin``, where set, is the
    base64 SHA-256 of the server's public key instead, for a proxy with a certificate of its own; ``workspace_key`` is the
    PEM of the public key that signs bundles and orders.
    """

    url: str
    device: str
    name: str
    authority: str
    workspace_key: str
    pin: str = ""


@dataclass(frozen=True)
class Identity:
    """A device that may ask: its key, the id that the server knows the key by, and its workspace."""

    key: ec.EllipticCurvePrivateKey
    key_id: str
    workspace: Workspace

    @classmethod
    def read(cls, home: Home) -> "Identity":
        """The identity of an enrolled device. Raises IdentityProblem."""
        workspace = read_workspace(home)
        try:
            certificate = home.certificate.read_text(encoding="ascii")
            key = read_key(home.key)
            if not _same(x509.load_pem_x509_certificate(certificate.encode()).public_key(), key):
                raise IdentityProblem(f"{home.certificate} is of another device's key; enrol this device again.")
            return cls(key, certificate_id(certificate), workspace)
        except (OSError, ValueError, TypeError) as problem:
            raise _unreadable(home, problem) from problem


def read_workspace(home: Home) -> Workspace:
    """What an enrolled device trusts, and where to find it. Raises IdentityProblem."""
    try:
        row = read_json(home.workspace)
        if not row:
            raise IdentityProblem("This device is not enrolled; paste the line that the workspace's device page shows.")
        return Workspace(**{name: row[name] for name in Workspace.__dataclass_fields__ if name in row})
    except (OSError, ValueError, TypeError) as problem:
        raise _unreadable(home, problem) from problem


def _unreadable(home: Home, problem: Exception) -> IdentityProblem:
    return IdentityProblem(f"The files in {home.root} cannot be read ({problem}); enrol this device again.")


def make_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key at ``path``, made there if there is none, readable by its owner alone. Raises OSError, IdentityProblem."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(path)
    key = ec.generate_private_key(ec.SECP256R1())
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return key


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A private key on P-256 from its PEM. Raises OSError, IdentityProblem."""
    mend = "delete it and enrol this device again"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as problem:
        raise IdentityProblem(f"{path} is not a key; {mend}.") from problem
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityProblem(f"{path} is not a key on the curve P-256; {mend}.")
    return key


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half, PEM: what may be shown."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def unenrolled(key: ec.EllipticCurvePrivateKey, workspace: Workspace) -> Identity:
    """Who asks to be enrolled: its key is known by the key alone."""
    return Identity(key, public_key_id(key.public_key()), workspace)


def keep_identity(*, home: Home, key: ec.EllipticCurvePrivateKey, certificate: str, workspace: Workspace) -> Identity:
    """Write down that the device is enrolled; whole or not at all. Raises IdentityProblem, OSError.

    The certificate has to be for this key and from this authority, and the keys have to be readable: what is wrong here
    would make every later request fail.
    """
    try:
        authority = x509.load_pem_x509_certificate(workspace.authority.encode())
        ours = x509.load_pem_x509_certificate(certificate.encode())
        ours.verify_directly_issued_by(authority)
        signer = load_pem_public_key(workspace.workspace_key.encode())
    except (ValueError, TypeError, InvalidSignature) as problem:
        raise IdentityProblem(
            "The workspace's answer has a certificate or key that does not fit; ask its owner."
        ) from problem
    if not _same(ours.public_key(), key):
        raise IdentityProblem("The workspace gave a certificate for another key; try again with a new code.")
    if not isinstance(signer, ec.EllipticCurvePublicKey):
        raise IdentityProblem("The workspace's key is not on an elliptic curve; ask its owner.")
    write_whole(home.certificate, certificate.encode())
    write_json(home.workspace, asdict(workspace))
    return Identity(key, certificate_id(certificate), workspace)


def _same(public: object, key: ec.EllipticCurvePrivateKey) -> bool:
    return isinstance(public, ec.EllipticCurvePublicKey) and public.public_numbers() == key.public_key().public_numbers()
