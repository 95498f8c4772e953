"""Many files: looked at on several threads, kept in order, counted one by one, so a killed import knows where it was."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from annotator.images.ingest import Ingested, examine, keep, keep_known
from annotator.images.models import Image, Import
from annotator.images.thumbnails import Prepared
from annotator.projects.models import Label, Project
from mlcore.images import ImageProblem

THREADS = min(8, os.cpu_count() or 1)
# So many files are decoded ahead of the one being kept.
AHEAD = 2 * THREADS


@dataclass(frozen=True)
class Arrival:
    """A file to take: its name, a function that reads its bytes (on another thread), and its class if it brings one."""

    name: str
    read: Callable[[], bytes]
    label: Label | None = None


@dataclass(frozen=True)
class _Seen:
    arrival: Arrival
    data: bytes
    sha256: str
    look: Prepared | ImageProblem | None


def taken(batch: Import) -> int:
    """How many files of an import have been dealt with: where it goes on after a break."""
    batch.refresh_from_db()
    return batch.stored + batch.duplicates + batch.refused


def ingest_many(*, project: Project, batch: Import, arrivals: Iterable[Arrival]) -> Iterator[Ingested]:
    """Take files one after the other; each answer has been counted when it comes. Raises NoSpace."""
    known = set(Image.objects.filter(project=project).values_list("sha256", flat=True))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="ingest") as pool:
        waiting: deque[Future[_Seen]] = deque()
        try:
            for arrival in arrivals:
                waiting.append(pool.submit(_see, arrival, known))
                if len(waiting) > AHEAD:
                    yield _keep(project, batch, waiting.popleft().result())
            while waiting:
                yield _keep(project, batch, waiting.popleft().result())
        finally:
            for future in waiting:
                future.cancel()


def _see(arrival: Arrival, known: set[str]) -> _Seen:
    try:
        data = arrival.read()
    except ImageProblem as problem:
        return _Seen(arrival, b"", "", problem)
    sha256 = hashlib.sha256(data).hexdigest()
    return _Seen(arrival, data, sha256, None if sha256 in known else examine(data))


def _keep(project: Project, batch: Import, seen: _Seen) -> Ingested:
    arrival = seen.arrival
    if seen.look is None:
        there = keep_known(project=project, batch=batch, sha256=seen.sha256, label=arrival.label)
        if there is not None:
            return there
    return keep(
        project=project, batch=batch, name=arrival.name, data=seen.data, look=seen.look or examine(seen.data),
        label=arrival.label, seems_new=seen.look is not None,
    )
