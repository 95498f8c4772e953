"""Where devices reach the workspace, and the one line that is pasted on a device."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from shlex import quote
from urllib.parse import urlsplit

from django.conf import settings

from annotator.delivery import keys

OPEN_IT = "start the site with 'annotator up --devices 8443', or set ANNOTATOR_DEVICE_URL"
HERE_ALONE = f"Devices on this machine alone reach the workspace there. For others, {OPEN_IT}."
NOT_FOR_DEVICES = f"Devices want TLS with a certificate of the workspace's own, and nothing listens for them yet: {OPEN_IT}."
OPEN_PATH = "/edge/install.sh"


@dataclass(frozen=True)
class Address:
    """`url` has no slash at its end. `pin` is the SHA-256 (base64) of the public key that answers there, empty without TLS.

    `reachable` says whether devices on other machines get there; if not, `why_not` is a sentence with the mend.
    """

    url: str
    tls: bool
    reachable: bool
    why_not: str = ""
    pin: str = ""


def device_address(*, site: str, port: str) -> Address:
    """The address for devices of a site that a person looks at under `site` (scheme and host), served on `port`."""
    if settings.DEVICE_URL:
        tls = settings.DEVICE_URL.startswith("https:")
        here = is_loopback(settings.DEVICE_URL)
        pin = (settings.DEVICE_PIN or keys.pin()) if tls else ""
        return Address(settings.DEVICE_URL, tls, not here, HERE_ALONE if here else "", pin)
    if site.startswith("http:") and is_loopback(site):
        return Address(site, False, False, HERE_ALONE)
    # A proxy's certificate is none that devices trust, and plain HTTP they take from their own machine alone.
    return Address(f"http://127.0.0.1:{port}", False, False, NOT_FOR_DEVICES)


def paste_line(address: Address, code: str) -> str:
    """What a person pastes into a terminal of the device."""
    # The key is compared by its hash, so no certificate authority has to be known yet; -k switches that off alone.
    trust = f"-fsSk --pinnedpubkey {quote(f'sha256//{address.pin}')}" if address.tls else "-fsS"
    return f"curl {trust} {quote(address.url + OPEN_PATH)} | sh -s -- --code {quote(code)}"


def is_loopback(url: str) -> bool:
    """Whether an address is this very machine's."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
