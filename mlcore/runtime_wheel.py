"""The wheel of the edge runtime: mlcore.edge and what it needs, nothing else of the project; no build tool is asked."""

import base64
import hashlib
import io

from mlcore.runtime_files import bundle_file, runtime_files
from mlcore.same_zip import write_zip

NAME = "edge-annotator-runtime"

# The ranges of pyproject.toml, where a test holds them together.
REQUIREMENTS = ("numpy>=2,<3", "pillow>=11,<14", "openvino>=2026.1,<2027", "cryptography>=44,<51")
EXTRAS = {
    "camera": ("opencv-python-headless>=4.10,<5",),
    "mqtt": ("paho-mqtt>=2,<3",),
}

_SUMMARY = "Runs the bundles of Edge Annotator on a device: answers, and an agent that keeps them up to date."


def runtime_wheel(version: str) -> tuple[str, bytes]:
    """File name and content of the wheel, the same bytes for the same sources and version (PEP 427).

    Its console script ``edge-annotator`` is mlcore.edge.command:main.
    """
    stem = f"{NAME.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    contents = runtime_files()
    contents[f"{info}/METADATA"] = _metadata(version).encode()
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: edge-annotator\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{info}/entry_points.txt"] = b"[console_scripts]\nedge-annotator = mlcore.edge.command:main\n"
    contents[f"{info}/licenses/LICENSE"] = bundle_file("LICENSE")
    record = f"{info}/RECORD"
    lines = [f"{name},sha256={_hash(data)},{len(data)}" for name, data in contents.items()]
    contents[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    buffer = io.BytesIO()
    write_zip(buffer, contents.items())
    return f"{stem}-py3-none-any.whl", buffer.getvalue()


def _metadata(version: str) -> str:
    needs = [f"Requires-Dist: {one}" for one in REQUIREMENTS]
    for extra, wanted in EXTRAS.items():
        needs += [f"Provides-Extra: {extra}", *(f'Requires-Dist: {one}; extra == "{extra}"' for one in wanted)]
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {NAME}",
        f"Version: {version}",
        f"Summary: {_SUMMARY}",
        "License-Expression: Apache-2.0",
        "License-File: LICENSE",
        "Requires-Python: >=3.11",
        *needs,
    ]
    return "\n".join(lines) + "\n"


def _hash(data: bytes) -> str:
    """As RECORD writes it: urlsafe base64 of the SHA-256, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
