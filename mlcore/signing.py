"""Sign a bundle's files in the OpenSSF model-signing format; the same files and key give the same bytes."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore.edge.signature import (
    MEDIA_TYPE,
    PREDICATE_TYPE,
    SIGNATURE_NAME,
    STATEMENT_PAYLOAD,
    STATEMENT_TYPE,
    key_hint,
    pae,
)

# What 'model_signing' leaves out by itself, so that its own verifier and ours mean the same files.
_NEVER_SIGNED = (SIGNATURE_NAME, ".git", ".gitattributes", ".github", ".gitignore")


def sign(
    files: Mapping[str, bytes | str],
    key: ec.EllipticCurvePrivateKey,
    *,
    name: str = "bundle",
    ignored: Iterable[str] = (),
) -> bytes:
    """The content of model.sig for ``files``: by name, what each holds, or its SHA-256 in hex.

    ``key`` is on the curve P-256; ``name`` is what the signature calls the whole; ``ignored`` are files or folders, relative
    to the bundle, that may lie there unsigned.
    """
    digests = {
        path: content if isinstance(content, str) else hashlib.sha256(content).hexdigest() for path, content in files.items()
    }
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": name,
                "digest": {
                    "sha256": hashlib.sha256(b"".join(bytes.fromhex(digests[path]) for path in sorted(digests))).hexdigest()
                },
            }
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [*_NEVER_SIGNED, *sorted(ignored)],
            },
            "resources": [{"name": path, "algorithm": "sha256", "digest": digests[path]} for path in sorted(digests)],
        },
    }
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key_hint(key.public_key())}, "tlogEntries": []},
        "dsseEnvelope": seal(json.dumps(statement, ensure_ascii=False, sort_keys=True).encode(), STATEMENT_PAYLOAD, key),
    }
    return json.dumps(bundle, sort_keys=True).encode() + b"\n"


def seal(payload: bytes, payload_type: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """A DSSE envelope, as JSON can hold it; `mlcore.edge.signature.unseal` opens it. ``key`` is on the curve P-256."""
    # RFC 6979: no dice are thrown, so that a bundle built twice is the same twice.
    signature = key.sign(pae(payload_type, payload), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
