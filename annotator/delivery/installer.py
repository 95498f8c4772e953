"""What a device downloads before it is one: the script that installs it, and the wheel of the runtime."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shlex import quote

from annotator import __version__
from annotator.delivery import keys
from annotator.delivery.address import Address

TEMPLATE = Path(__file__).with_name("install.sh")
WHEELS = "/edge/runtime/"


@dataclass(frozen=True)
class Wheel:
    """The wheel of mlcore.edge: its file name, its bytes, their SHA-256 in hex."""

    name: str
    data: bytes
    sha256: str


@cache
def wheel() -> Wheel:
    """The wheel of the runtime that goes with this server; built once for each process, the same in all."""
    from mlcore.runtime_wheel import runtime_wheel

    name, data = runtime_wheel(__version__)
    return Wheel(name, data, hashlib.sha256(data).hexdigest())


def runtime() -> dict[str, str]:
    """The runtime that devices could have, and where."""
    return {"version": __version__, "wheel": WHEELS + wheel().name}


def install_script(address: Address, *, proxy_pin: str) -> str:
    """The script for devices that reach the workspace at `address`.

    `proxy_pin` is the SHA-256 (base64) of a proxy's own key, where one stands between and its certificate is not ours.
    """
    values = {
        "PLAIN_URL": address.url,
        "URL": quote(address.url),
        "PIN": quote(address.pin),
        "PROXY_PIN": quote(proxy_pin),
        "WHEEL": quote(wheel().name),
        "WHEEL_SHA256": wheel().sha256,
        "AUTHORITY": keys.authority_pem().strip(),
        "WORKSPACE_KEY": keys.public_pem().strip(),
    }
    script = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    return script
