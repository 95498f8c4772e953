"""Whether a bundle is the one that the holder of a key signed: OpenSSF model-signing, verified by cryptography alone.

The file is what ``model_signing sign key`` writes, and what ``model_signing verify key`` reads: a Sigstore bundle 0.3 with
an in-toto statement in a DSSE envelope, which holds the SHA-256 of every file.
https://github.com/sigstore/model-transparency, https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
"""

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore.edge.manifest import MANIFEST_NAME, BundleProblem, Manifest, digest

SIGNATURE_NAME = "model.sig"
# The signer's public key as the bundle carries it, for whoever wants to read it: it proves nothing by itself.
KEY_NAME = "workspace.pub"

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT_PAYLOAD = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"


class SignatureProblem(BundleProblem):
    """What is signed is not what is here, or not by this key; the message is one sentence that names the file."""


@dataclass(frozen=True)
class Statement:
    """What a signature says: the SHA-256 (hex) of each file by its name, and the names that it does not speak of."""

    files: Mapping[str, str]
    ignored: tuple[PurePosixPath, ...]

    def ignores(self, name: PurePosixPath) -> bool:
        """Whether the file or its folder is left out of the signature."""
        return any(name.is_relative_to(one) for one in self.ignored)


def prove(manifest: Manifest, precision: str, trusted_key: str | None = None) -> str:
    """Check every file of a bundle as far as it can be; answers in a sentence what that proves. Raises BundleProblem.

    ``trusted_key``, PEM, is one that came another way than the bundle: then nothing but what its holder signed may lie
    there. Without it the bundle's own key is taken, and files that people put beside are left alone.
    """
    spared = manifest.spared(precision)
    if trusted_key is not None:
        manifest.verify(precision, verify(manifest.root, trusted_key, spared=spared))
        return "Every file is as the trusted key signed it."
    if KEY_NAME not in manifest.files:
        manifest.verify(precision)
        return f"Every file is as {MANIFEST_NAME} says. The bundle is not signed, so that finds accidents only."
    try:
        own_key = (manifest.root / KEY_NAME).read_text(encoding="ascii")
    except (OSError, ValueError) as problem:
        raise SignatureProblem(f"{KEY_NAME} is missing or no text; unpack the whole bundle again.") from problem
    manifest.verify(precision, verify(manifest.root, own_key, spared=spared, others_allowed=True))
    return (
        "Every file is as the key inside the bundle signed it. That finds accidents only, since a forger puts in a key too: "
        f"give the workspace's own {KEY_NAME} with --key."
    )


def verify(
    root: Path, public_key_pem: str, *, spared: Collection[PurePosixPath] = (), others_allowed: bool = False
) -> dict[str, str]:
    """Compare every file below ``root`` with model.sig; answers their SHA-256 (hex) by name.

    ``spared``: folders that may be missing as a whole. ``others_allowed``: files that were not signed may lie there too.
    Raises SignatureProblem: a changed, missing or added file, a link, a signature that is missing, broken or of another key.
    """
    said = read(root, public_key_pem)
    found: dict[str, str] = {}
    for name in sorted(said.files):
        path = root / name
        if path.is_symlink() or not path.is_file():
            if (
                not path.is_symlink()
                and not path.exists()
                and any(PurePosixPath(name).is_relative_to(one) for one in spared)
            ):
                continue
            raise SignatureProblem(f"{name} was signed and is not here as a plain file; fetch the whole bundle again.")
        found[name] = digest(path)
        if found[name] != said.files[name]:
            raise SignatureProblem(f"{name} is not the file that was signed (its SHA-256 differs); fetch the bundle again.")
    if not others_allowed:
        for path in _walk(root, lambda path: said.ignores(PurePosixPath(path.relative_to(root).as_posix()))):
            name = path.relative_to(root).as_posix()
            if name not in said.files:
                raise SignatureProblem(
                    f"{name} was added to the signed bundle; take it out, or unpack the bundle into a folder of its own."
                )
    return found


def read(root: Path, public_key_pem: str) -> Statement:
    """What model.sig of the bundle at ``root`` says, once it is proven to be of this key. Raises SignatureProblem."""
    path = root / SIGNATURE_NAME
    try:
        bundle = json.loads(path.read_bytes())
    except FileNotFoundError as problem:
        raise SignatureProblem(
            f"{SIGNATURE_NAME} is missing, so nobody vouches for this bundle; export it again with a workspace that signs."
        ) from problem
    except OSError as problem:
        raise SignatureProblem(f"{SIGNATURE_NAME} cannot be read ({problem.strerror}); fetch the bundle again.") from problem
    except (ValueError, RecursionError) as problem:
        raise SignatureProblem(f"{SIGNATURE_NAME} is not valid JSON; fetch the bundle again.") from problem
    try:
        if bundle["mediaType"] != MEDIA_TYPE:
            raise SignatureProblem(f"{SIGNATURE_NAME} is not a Sigstore bundle 0.3; sign the bundle again.")
        hint = bundle["verificationMaterial"]["publicKey"].get("hint")
        payload = unseal(bundle["dsseEnvelope"], STATEMENT_PAYLOAD, public_key_pem, what=SIGNATURE_NAME, hint=hint)
        return _statement(json.loads(payload))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as problem:
        raise SignatureProblem(
            f"{SIGNATURE_NAME} has not the form of a model signature; fetch the bundle again."
        ) from problem


def unseal(
    envelope: Mapping[str, Any],
    payload_type: str,
    public_key_pem: str,
    *,
    what: str = "the message",
    hint: str | None = None,
) -> bytes:
    """The payload of a DSSE envelope, once its first signature is proven to be of this key (ECDSA, P-256, SHA-256).

    ``what`` names the envelope in messages; ``hint``: hex SHA-256 of the PEM that it claims to be signed with.
    Raises SignatureProblem.
    """
    key = public_key(public_key_pem)
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        found = envelope["payloadType"]
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise SignatureProblem(f"{what} is not a signed envelope (DSSE); fetch it again.") from problem
    if found != payload_type:
        raise SignatureProblem(f"{what} holds {found!r} where {payload_type!r} was expected; it was signed for another use.")
    if hint and hint != key_hint(key):
        raise SignatureProblem(
            f"{what} was made with another key than the trusted one; whoever signed it is not trusted here."
        )
    try:
        key.verify(signature, pae(payload_type, payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as problem:
        raise SignatureProblem(
            f"{what} has a wrong signature: it was changed, or made with another key than the trusted one."
        ) from problem
    return payload


def pae(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature is over: the pre-authentication encoding of type and payload."""
    return f"DSSEv1 {len(payload_type.encode())} {payload_type} {len(payload)} ".encode() + payload


def public_key(pem: str) -> ec.EllipticCurvePublicKey:
    """The EC P-256 public key in a PEM. Raises SignatureProblem."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise SignatureProblem(
            "The trusted key is not a public key in PEM; give the workspace's workspace.pub."
        ) from problem
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SignatureProblem("The trusted key is not an EC key on the curve P-256; give the workspace's workspace.pub.")
    return key


def key_hint(key: ec.EllipticCurvePublicKey) -> str:
    """How a signature names its key: SHA-256, hex, of the PEM."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def _statement(payload: Mapping[str, Any]) -> Statement:
    if payload["_type"] != STATEMENT_TYPE or payload["predicateType"] != PREDICATE_TYPE:
        raise SignatureProblem(
            f"{SIGNATURE_NAME} is not the signature of a model; sign the bundle with 'model_signing sign'."
        )
    serialized = payload["predicate"]["serialization"]
    if serialized["method"] != "files" or serialized["hash_type"] != "sha256":
        raise SignatureProblem(f"{SIGNATURE_NAME} does not hold the SHA-256 of whole files; sign the bundle that way.")
    resources = payload["predicate"]["resources"]
    (subject,) = payload["subject"]
    together = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    if together != subject["digest"]["sha256"]:
        raise SignatureProblem(f"{SIGNATURE_NAME} contradicts itself: its files do not add up; sign the bundle again.")
    files = {_inside(one["name"]): str(one["digest"]).lower() for one in resources}
    ignored = {PurePosixPath(str(name)) for name in serialized.get("ignore_paths", ())} - {PurePosixPath(".")}
    return Statement(files, (PurePosixPath(SIGNATURE_NAME), *sorted(ignored)))


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise SignatureProblem(f"{SIGNATURE_NAME} names the file {name!r} outside the bundle; do not use this bundle.")
    return path.as_posix()


def _walk(folder: Path, ignored: Callable[[Path], bool]) -> Iterator[Path]:
    """Everything below that is no folder, links not followed."""
    for path in sorted(folder.iterdir()):
        if ignored(path):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, ignored)
        else:
            yield path
