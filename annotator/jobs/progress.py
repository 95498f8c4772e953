"""A job from its first moment to its last: started, claimed by one worker, told about, cancelled, finished."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils import timezone

from annotator.jobs import bus, events
from annotator.jobs.models import Job
from annotator.projects.errors import Conflict, DomainError
from annotator.projects.models import Project, User

log = logging.getLogger(__name__)

# Which task does which kind of job.
TASKS = {
    Job.Kind.IMPORT: "images.archive",
    Job.Kind.SAMPLE: "images.sample",
    Job.Kind.FEATURES: "learning.embed",
    Job.Kind.EXPORT: "delivery.export",
    Job.Kind.CHALLENGE: "learning.challenge",
    Job.Kind.FINETUNE: "learning.finetune",
    Job.Kind.REPLAY: "learning.replay",
}
# A message that has not been answered for so long is sent again; a second one does no harm, only one can claim the job.
RESEND_SECONDS = 120
# Progress is written and told this often at most.
TELL_SECONDS = 0.4
BEAT_SECONDS = 5.0
LOG_LENGTH = 20_000
UNEXPECTED = "The job stopped on an unexpected error ({name}); its log has the details. Try again."

# Sent with `job` when one has ended, however it ended; `pipeline` listens.
finished = Signal()


class Cancelled(Exception):
    """Somebody asked the job to stop."""


class Taken(Exception):
    """The job was given to another worker, because this one seemed dead; this one must stop at once."""


def start_job(
    *, project: Project, kind: str, params: dict[str, Any] | None = None, user: User | None = None,
    total: int = 0, unit: str = "images", message: str = "", here: bool = False,
) -> Job:
    """Write down a job and, once the transaction is through, send it to its queue; `here`: this process runs it itself.

    Raises Conflict when the project already has an open job of a kind that allows only one.
    """
    try:
        with transaction.atomic():
            job = Job.objects.create(
                project=project, kind=kind, params=params or {}, created_by=user, total=total, unit=unit, message=message
            )
            if here:
                job = claim(str(job.pk)) or job
    except IntegrityError as error:
        raise Conflict(f"A job of kind '{kind}' is already at work in this project: wait for it or cancel it.") from error

    transaction.on_commit(partial(_go, job, send_it=not here))
    return job


def _go(job: Job, *, send_it: bool) -> None:
    if send_it:
        send(job)
    tell(job)


def send(job: Job) -> bool:
    """Put a queued job on its queue, unless that was done a moment ago. False when Redis is away: the sweep sends it."""
    flag = f"sent:{job.pk}:{job.attempts}"
    return bus.send_once(TASKS[Job.Kind(job.kind)], str(job.pk), flag=flag, seconds=RESEND_SECONDS)


def describe(job: Job) -> dict[str, Any]:
    """The job as the page sees it."""
    return {
        "id": str(job.pk), "kind": job.kind, "state": job.state, "done": job.done, "total": job.total, "unit": job.unit,
        "message": job.message, "eta_seconds": job.eta_seconds, "error": job.error,
    }


def tell(job: Job) -> None:
    """Tell the project's open pages how the job stands."""
    events.publish(job.project_id, "job", describe(job))


def claim(job_id: str) -> Job | None:
    """The job, now running and this worker's alone; None when it is not waiting (a message that came twice)."""
    now = timezone.now()
    mine = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, started_at=now, heartbeat_at=now, worker=worker_name(), attempts=F("attempts") + 1,
        eta_seconds=None, error="",
    )
    return Job.objects.select_related("project", "created_by").get(pk=job_id) if mine else None


def cancel_job(*, job: Job) -> Job:
    """Stop a job: at once when it waits, at its next step when it runs. A job that has ended stays as it is."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    if waiting.update(state=Job.State.CANCELLED, cancel_requested=True, finished_at=now):
        job.refresh_from_db()
        finished.send(Job, job=job)
    elif Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_requested=True, message="Stopping"):
        job.refresh_from_db()
    tell(job)
    return job


def worker_name() -> str:
    """This process, as jobs remember it: host and process number."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Running:
    """The hand on a running job: `step`, `log`, `cancelled`. See `running`."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._lines = job.log
        self._told = 0.0
        self._asked = 0.0
        self._cancelled = False
        self._first: tuple[float, int] | None = None
        self._over = threading.Event()
        # Called as (done, total, message) at each step, for those who run a job in their own process.
        self.listeners: list[Callable[[int, int, str], None]] = []

    @property
    def cancelled(self) -> bool:
        """Somebody asked it to stop (looked up twice a second at most)."""
        now = time.monotonic()
        if not self._cancelled and now - self._asked >= TELL_SECONDS:
            self._asked = now
            self._cancelled = Job.objects.filter(pk=self.job.pk, cancel_requested=True).exists()
        return self._cancelled

    def stop_if_cancelled(self) -> None:
        """Raise Cancelled when somebody asked the job to stop; `running` turns that into its end."""
        if self.cancelled:
            raise Cancelled

    def step(self, done: int, total: int, message: str = "", *, now: bool = False) -> None:
        """Say how far it is. Written and told a few times a second at most, unless `now`.

        Raises Taken when the job has been given to another worker.
        """
        moment = time.monotonic()
        if self._first is None:
            self._first = (moment, done)
        job = self.job
        job.done, job.total = done, total
        job.message = message or job.message
        job.eta_seconds = _eta(moment - self._first[0], done - self._first[1], total - done)
        for listener in self.listeners:
            listener(done, total, job.message)
        if now or moment - self._told >= TELL_SECONDS or done == total:
            self._told = moment
            self._write(done=done, total=total, message=job.message[:300], eta_seconds=job.eta_seconds)
            tell(job)

    def log(self, line: str) -> None:
        """Add a line to the job's log, with the time."""
        self._lines = f"{self._lines}{timezone.now():%H:%M:%S} {line}\n"[-LOG_LENGTH:]
        self._write(log=self._lines)

    def _write(self, **values: Any) -> None:
        if not self._mine().update(heartbeat_at=timezone.now(), **values):
            raise Taken(f"{self.job} is no longer this worker's.")

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, attempts=self.job.attempts)

    def __enter__(self) -> Self:
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        tell(self.job)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self._over.set()
        if kind is None:
            self._end(Job.State.DONE)
        elif issubclass(kind, Taken):
            log.warning("%s: another worker goes on with it", self.job)
        elif issubclass(kind, Cancelled):
            self._end(Job.State.CANCELLED)
        elif isinstance(error, DomainError):
            self._end(Job.State.FAILED, error=error.message)
        elif issubclass(kind, Exception):
            self._lines += "".join(traceback.format_exception(kind, error, trace))
            self._end(Job.State.FAILED, error=UNEXPECTED.format(name=kind.__name__))
            return False
        else:
            # The worker is being stopped: the job waits for the next one.
            self._mine().update(state=Job.State.QUEUED, worker="", log=self._lines)
            return False
        return True

    def _end(self, state: str, *, error: str = "") -> None:
        job = self.job
        values: dict[str, Any] = {"state": state, "error": error[:1000], "eta_seconds": None, "finished_at": timezone.now()}
        values |= {"done": job.done, "total": job.total, "message": job.message[:300], "log": self._lines[-LOG_LENGTH:]}
        if self._mine().update(**values):
            job.refresh_from_db()
            finished.send(Job, job=job)
            tell(job)

    def _beat(self) -> None:
        """Keep the sweep from taking a job away during a long step (quantising) that says nothing."""
        try:
            while not self._over.wait(BEAT_SECONDS):
                try:
                    if not self._mine().update(heartbeat_at=timezone.now()):
                        return
                except DatabaseError as error:
                    log.warning("%s: no heartbeat: %s", self.job, error)
        finally:
            connection.close()


def running(job: Job) -> Running:
    """`with running(job) as run:` does the work of a claimed job and writes down how it ended.

    Done when the block ends; cancelled on Cancelled; failed with its sentence on a DomainError; failed and raised again
    on any other error, with the traceback in the log; queued again when the worker is being stopped.
    """
    return Running(job)


def requeue_lost(*, stale_before: datetime, attempts: int) -> list[Job]:
    """Queue again the running jobs whose worker has died, and answer them; those that died `attempts` times have failed."""
    again = []
    for job in Job.objects.filter(state=Job.State.RUNNING):
        if job.heartbeat_at and job.heartbeat_at >= stale_before and not worker_died(job.worker):
            continue
        mine = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts, heartbeat_at=job.heartbeat_at)
        if job.cancel_requested:
            changed = mine.update(state=Job.State.CANCELLED, finished_at=timezone.now(), eta_seconds=None)
        elif job.attempts >= attempts:
            error = f"Its worker died {job.attempts} times half-way: look at the workers' log, then start it again."
            changed = mine.update(state=Job.State.FAILED, error=error, finished_at=timezone.now(), eta_seconds=None)
        else:
            changed = mine.update(state=Job.State.QUEUED, worker="", eta_seconds=None)
        if not changed:
            continue
        job.refresh_from_db()
        if job.state == Job.State.QUEUED:
            log.warning("%s: its worker is gone; queued again", job)
            again.append(job)
        else:
            finished.send(Job, job=job)
        tell(job)
    return again


def worker_died(name: str) -> bool:
    """Whether a worker of this machine is known to be dead; of other machines nothing is known."""
    host, _, number = name.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _eta(seconds: float, done: int, left: int) -> float | None:
    if done <= 0 or seconds <= 0:
        return None
    return round(max(0, left) * seconds / done, 1)
