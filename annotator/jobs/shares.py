"""Many hands on one job: each worker takes a batch of its images, and nobody takes what another has in hand.

One worker leads the job (`progress.running`): it alone tells how far it is and ends it. Others join and take batches until
none is left. What a worker has in hand is a range of sort keys in its row; the rows are read and written under the lock of
the job's own row, so no two workers ever take the same image. The range of a worker that has died is free again.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any, Self

from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone
from redis.exceptions import RedisError

from annotator.jobs import bus
from annotator.jobs.models import Job, Share
from annotator.jobs.progress import BEAT_SECONDS, worker_died, worker_name
from annotator.jobs.workers import workers

log = logging.getLogger(__name__)

# A worker that has been silent for longer has died, and what it had in hand is free.
STALE = timedelta(seconds=30)
# One invitation to help lies in the queue at a time; one that nobody has taken up for so long is sent again.
INVITATION_SECONDS = 30


def invite(job: Job, *, task: str, queue: str) -> None:
    """Ask workers of other machines for help; whoever is free there takes it up. Without Redis nobody is asked."""
    here = worker_name().rpartition(":")[0]
    try:
        others = any(one.alive and queue in one.queues and one.name.partition("@")[2] != here for one in workers())
    except RedisError as error:
        log.info("nobody could be asked for help: %s", error)
        return
    if others:
        bus.send_once(task, str(job.pk), flag=f"help:{job.pk}", seconds=INVITATION_SECONDS)


def accept(job_id: str) -> Share | None:
    """A share in a running job, for a worker that was asked; None when it has ended or this machine is at work on it.

    One process a machine: it uses all cores, and a second one would keep other work waiting for nothing.
    """
    bus.lower_flag(f"help:{job_id}")
    machine = worker_name().rpartition(":")[0]
    with transaction.atomic():
        job = _locked(job_id)
        if job is None or job.state != Job.State.RUNNING or job.cancel_requested:
            return None
        if any(_lives(share) for share in Share.objects.filter(job=job, worker__startswith=f"{machine}:")):
            return None
        return _share(job)


def lead(job: Job) -> Share:
    """The share of the worker that runs the job."""
    with transaction.atomic():
        return _share(job)


def take(share: Share, waiting: QuerySet[Any], size: int) -> list[Any] | None:
    """The next rows of `waiting` by sort key, at most `size`, now in this worker's hands alone.

    An empty list: all that waits is in the hands of others. None: the job has ended or was cancelled.
    """
    with transaction.atomic():
        job = _locked(share.job_id)
        if job is None or job.state not in Job.OPEN or job.cancel_requested:
            _put_down(share)
            return None
        free = waiting
        for other in Share.objects.filter(job=job, first__isnull=False).exclude(pk=share.pk):
            if _lives(other):
                free = free.exclude(sort_key__range=(other.first, other.last))
            else:
                log.warning("%s: %s has died; what it had in hand is done again", job, other.worker)
                _put_down(other)
        batch = list(free.order_by("sort_key")[:size])
        if batch:
            hand = {"first": batch[0].sort_key, "last": batch[-1].sort_key, "alive_at": timezone.now()}
            Share.objects.filter(pk=share.pk).update(**hand)
        else:
            _put_down(share)
    return batch


def count(share: Share, *, done: int, notes: list[str]) -> None:
    """So many more images are done; the notes are for the job's log, which its leader writes."""
    text = "".join(f"{note}\n" for note in notes)
    with transaction.atomic():
        before = Share.objects.select_for_update().filter(pk=share.pk).values_list("notes", flat=True).first() or ""
        Share.objects.filter(pk=share.pk).update(done=F("done") + done, notes=before + text)


def done(job: Job) -> int:
    """Images that all workers of the job have done together."""
    return Share.objects.filter(job=job).aggregate(done=Sum("done"))["done"] or 0


def collect_notes(job: Job) -> list[str]:
    """What the workers have noted since, taken out."""
    with transaction.atomic():
        found = list(Share.objects.select_for_update().filter(job=job).exclude(notes=""))
        Share.objects.filter(pk__in=[share.pk for share in found]).update(notes="")
    return [note for share in found for note in share.notes.splitlines()]


class Alive:
    """`with Alive(share):` keeps saying that this worker lives; in the end it puts down what it has in hand, and is gone."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._beat, name="share", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        Share.objects.filter(pk=self.share.pk).update(first=None, last=None, alive_at=timezone.now() - STALE)

    def _beat(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                try:
                    Share.objects.filter(pk=self.share.pk).update(alive_at=timezone.now())
                except DatabaseError as error:
                    log.warning("%s: no sign of life: %s", self.share, error)
        finally:
            connection.close()


def _locked(job_id: Any) -> Job | None:
    return Job.objects.select_for_update().only("state", "cancel_requested", "kind").filter(pk=job_id).first()


def _share(job: Job) -> Share:
    share, _ = Share.objects.update_or_create(job=job, worker=worker_name(), defaults={"alive_at": timezone.now()})
    return share


def _put_down(share: Share) -> None:
    Share.objects.filter(pk=share.pk).update(first=None, last=None)


def _lives(share: Share) -> bool:
    return share.alive_at >= timezone.now() - STALE and not worker_died(share.worker)
