"""A bundle's zip comes home: in pieces if it must, whole in the end, or not at all."""

import errno
import shutil
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from mlcore.edge.agent.link import Link, Refused, Reply, Unreachable
from mlcore.edge.agent.orders import Order
from mlcore.edge.agent.patience import Patience
from mlcore.edge.manifest import digest

# So often a zip that arrived damaged is asked for again.
TRIES = 3

# The zip, and beside it what it unpacks to, fit in so many times its size; and the device needs room to live.
_ROOM = 2.5
_SPARE = 16 << 20

_CHUNK = 1 << 18


class DownloadProblem(Exception):
    """The zip did not come; the message is a sentence with the mend. Nothing of it is left on the disk."""


class Stopped(Exception):
    """Somebody asked to stop; what has arrived stays, to be gone on from."""


def fetch_zip(
    *,
    link: Link,
    order: Order,
    path: Path,
    tell: Callable[[int, str], None],
    wait: Callable[[float], bool],
    patience: Patience | None = None,
) -> None:
    """Bring the zip of ``order`` to ``path``, going on from what lies there.

    ``tell`` hears how many bytes have arrived and, while the network is away, why there are no more; ``wait`` sleeps so many
    seconds and returns True to stop. A network that is away is waited for without end.
    Raises DownloadProblem, Refused, Stopped.
    """
    patience = patience or Patience()
    damaged = 0
    while True:
        try:
            _need_room(path, order)
            _fetch_rest(link, order, path, tell, wait)
        except Unreachable as problem:
            _pause(str(problem), path, tell, wait, patience)
            continue
        except Refused as problem:
            if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR and problem.status != HTTPStatus.TOO_MANY_REQUESTS:
                path.unlink(missing_ok=True)
                raise
            _pause(str(problem), path, tell, wait, patience)
            continue
        except OSError as problem:
            path.unlink(missing_ok=True)
            raise DownloadProblem(disk_sentence(problem, path)) from problem
        patience.worked()
        if digest(path) == order.sha256:
            return
        path.unlink()
        damaged += 1
        if damaged == TRIES:
            raise DownloadProblem(
                f"Bundle {order.number} arrived damaged {TRIES} times (its SHA-256 differs); export it again."
            )


def disk_sentence(problem: OSError, path: Path) -> str:
    """What to tell of a disk that cannot be written."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The device's disk is full; free some space there, then deploy again."
    return f"{path.parent} cannot be written ({problem.strerror or problem}); mend it, then deploy again."


def _need_room(path: Path, order: Order) -> None:
    arrived = path.stat().st_size if path.exists() else 0
    needed = int(order.size * _ROOM) - arrived + _SPARE
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        path.unlink(missing_ok=True)
        raise DownloadProblem(
            f"The device's disk is too full: {free >> 20:,} MB are free, bundle {order.number} needs {needed >> 20:,} MB; "
            "free some space there, then deploy again."
        )


def _pause(
    why: str, path: Path, tell: Callable[[int, str], None], wait: Callable[[float], bool], patience: Patience
) -> None:
    tell(path.stat().st_size if path.exists() else 0, why)
    if wait(patience.failed()):
        raise Stopped


def _fetch_rest(
    link: Link, order: Order, path: Path, tell: Callable[[int, str], None], wait: Callable[[float], bool]
) -> None:
    """Ask for what is missing and write it; returns when the file has its size."""
    with path.open("ab") as file:
        arrived = file.tell()
        if arrived > order.size:
            file.truncate(arrived := 0)
        if arrived == order.size:
            return
        wanted = {"Range": f"bytes={arrived}-", "If-Range": f'"{order.sha256}"'} if arrived else {}
        with link.open("GET", f"/api/edge/bundles/{order.number}", headers=wanted) as reply:
            if reply.status != HTTPStatus.PARTIAL_CONTENT or not _continues(reply, arrived):
                file.truncate(arrived := 0)
                if reply.status == HTTPStatus.PARTIAL_CONTENT:
                    raise Unreachable("The workspace sent another part of the bundle than was asked for.")
            _write(reply, file, arrived, order.size, tell, wait)


def _continues(reply: Reply, arrived: int) -> bool:
    return (reply.headers.get("Content-Range") or "").startswith(f"bytes {arrived}-")


def _write(
    reply: Reply,
    file: BinaryIO,
    arrived: int,
    size: int,
    tell: Callable[[int, str], None],
    wait: Callable[[float], bool],
) -> None:
    tell(arrived, "")
    while arrived < size:
        chunk = reply.read(min(_CHUNK, size - arrived))
        if not chunk:
            raise Unreachable("The connection was cut.")
        file.write(chunk)
        file.flush()
        arrived += len(chunk)
        tell(arrived, "")
        if wait(0):
            raise Stopped
