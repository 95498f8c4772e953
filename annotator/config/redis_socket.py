"""Where the embedded Redis listens: a unix socket, whose path the kernel keeps short."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_PATH = 103


def socket_path(data_dir: Path) -> Path:
    """The socket of the Redis of `data_dir`: inside it, or in a folder of this user's where that path is too long."""
    inside = data_dir / "redis.sock"
    if len(os.fsencode(inside)) <= LONGEST_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"edge-annotator-{os.getuid()}-{name}" / "redis.sock"


def socket_url(data_dir: Path) -> str:
    """The same as a URL, as REDIS_URL takes it."""
    return f"unix://{quote(os.fsencode(socket_path(data_dir)))}"
