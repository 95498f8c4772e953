"""What to ask next: the best free candidates, every so often an image of the judge's, never one that another client holds.

Handing out is one at a time in a project: whoever does it holds the lock of the project's `Turn` (on SQLite, that of the
database). So nothing has to be tried twice, and the rhythm of audit images holds for any number of clients together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotator.images.models import Image
from annotator.labelling import lease
from annotator.labelling.models import Candidate, Lease, Tally, Turn
from annotator.projects.errors import Invalid
from annotator.projects.models import Project, User

MOST = 50
MOST_HELD = 500
LONGEST_CLIENT = 64
# The judge must not lean on the model: audit tasks come without a guess.
AUDIT = {"reason": {"code": "audit", "text": "Drawn at random, to judge the model"}}
UNRANKED = {"reason": {"code": "unranked", "text": "No ranking yet: in random order"}}


@dataclass(frozen=True)
class Task:
    """An image to ask about. `shown`: reason {code, text}, guess {label, confidence} | None, top [...], model_version."""

    image: Image
    is_audit: bool
    shown: dict[str, Any]
    expires_at: datetime
    number: int = 0


def next_tasks(*, project: Project, user: User, client: str, count: int = 1, exclude: Collection[int] = ()) -> list[Task]:
    """Up to `count` tasks, held for this client: those it holds already (and does not name in `exclude`), then new ones.

    Every `project.audit_every`-th new task of the project is an audit image, as long as there are any.
    """
    if not client or len(client) > LONGEST_CLIENT:
        raise Invalid(f"client must be 1 to {LONGEST_CLIENT} characters, the same in each request.", field="client")
    if not 1 <= count <= MOST:
        raise Invalid(f"count must be from 1 to {MOST}.", field="count")
    if len(exclude) > MOST_HELD:
        raise Invalid(f"exclude must name at most {MOST_HELD} images.", field="exclude")
    with transaction.atomic():
        turn = _lock(project)
        Lease.objects.filter(project=project, expires_at__lte=timezone.now()).delete()
        tasks = _held(project, user, client, count, exclude)
        if len(tasks) < count:
            tasks += _hand_out(project, turn, user, client, count - len(tasks), exclude)
    return tasks


def _lock(project: Project) -> Turn:
    turn = Turn.objects.select_for_update().filter(pk=project.pk).first()
    if turn is None:
        Turn.objects.bulk_create([Turn(project=project)], ignore_conflicts=True)
        turn = Turn.objects.select_for_update().get(pk=project.pk)
    return turn


def _held(project: Project, user: User, client: str, count: int, exclude: Collection[int]) -> list[Task]:
    """What this client was given and has not answered; the lease is renewed."""
    mine = Lease.objects.filter(project=project, user=user, client=client, image__standing=None)
    if exclude:
        mine = mine.exclude(pk__in=exclude)
    rows = list(mine.select_related("image").order_by("number")[:count])
    if not rows:
        return []
    until = lease.expiry()
    Lease.objects.filter(pk__in=[row.pk for row in rows]).update(expires_at=until)
    return [Task(row.image, row.is_audit, row.shown or _plain(row.is_audit), until, row.number) for row in rows]


def _hand_out(project: Project, turn: Turn, user: User, client: str, count: int, exclude: Collection[int]) -> list[Task]:
    """New tasks, leased, in the order in which they should be shown."""
    free = _Free(project, turn, exclude)
    audits_due = _audits_due(turn, project.audit_every, count)
    audits = free.audits(audits_due)
    learns = free.learns(count - len(audits))
    if len(learns) + len(audits) < count:
        # At the end of the pool only audit images are left: they are worth an answer too.
        audits += free.audits(count - len(learns) - len(audits))
    until = lease.expiry()
    tasks = []
    for found in _in_rhythm(turn, project.audit_every, learns, audits):
        tasks.append(replace(found, number=turn.handed_out, expires_at=until))
    if tasks:
        Lease.objects.bulk_create(
            Lease(
                image=task.image, project=project, user=user, client=client, is_audit=task.is_audit, number=task.number,
                shown=task.shown, expires_at=until,
            )
            for task in tasks
        )
        turn.save()
    return tasks


def _audits_due(turn: Turn, every: int, count: int) -> int:
    """How many of the next `count` tasks should be audit images."""
    since = min(turn.handed_out - turn.last_audit, every - 1)
    return (since + count) // every


def _in_rhythm(turn: Turn, every: int, learns: list[Task], audits: list[Task]) -> Iterable[Task]:
    """Learn tasks with an audit image at every `every`-th place; moves the turn on with each."""
    learn, audit = iter(learns), iter(audits)
    for _ in range(len(learns) + len(audits)):
        turn.handed_out += 1
        due = turn.handed_out - turn.last_audit >= every
        task = next(audit, None) if due else next(learn, None)
        if task is None:
            task = next(learn, None) if due else next(audit, None)
        if task is not None:
            if task.is_audit:
                turn.last_audit = turn.handed_out
            yield task


class _Free:
    """The images of a project that nobody has answered and nobody holds, while its turn is locked."""

    def __init__(self, project: Project, turn: Turn, exclude: Collection[int]) -> None:
        self.project = project
        self.turn = turn
        self.taken = set(exclude)
        self.tally = Tally.objects.get(pk=project.pk)
        self.leases = list(Lease.objects.filter(project=project, image__standing=None).values_list("is_audit", flat=True))

    def learns(self, count: int) -> list[Task]:
        """Up to `count` images to learn from, best first; in their fixed order where no ranking reaches."""
        return self._take(count, is_audit=False)

    def audits(self, count: int) -> list[Task]:
        """Up to `count` images of the judge's."""
        return self._take(count, is_audit=True)

    def _take(self, count: int, *, is_audit: bool) -> list[Task]:
        left = min(count, self._left(is_audit))
        if left <= 0:
            return []
        ranked = Candidate.objects.filter(project=self.project, is_audit=is_audit, image__standing=None, image__lease=None)
        rows = ranked.exclude(pk__in=self.taken).select_related("image").order_by("position")[:left]
        tasks = [self._task(row.image, _describe(row)) for row in rows]
        if len(tasks) < left:
            tasks += [self._task(image, _plain(is_audit)) for image in self._unranked(left - len(tasks), is_audit)]
        return tasks

    def _left(self, is_audit: bool) -> int:
        """How many there are: known without looking, so that an empty queue costs nothing."""
        tally = self.tally
        answered = tally.labelled + tally.skipped + tally.flagged
        if is_audit:
            every = tally.audit_images - tally.audit_answered
        else:
            every = tally.images - tally.audit_images - (answered - tally.audit_answered)
        return every - self.leases.count(is_audit)

    def _unranked(self, count: int, is_audit: bool) -> list[Image]:
        """In the order of their sort keys, from where the last search ended, and round once."""
        field = "audit_after" if is_audit else "learn_after"
        after = getattr(self.turn, field)
        free = Image.objects.filter(project=self.project, is_audit=is_audit, standing=None, lease=None).order_by("sort_key")
        found = self._some(free.filter(sort_key__gt=after), count)
        if len(found) < count:
            found += self._some(free.filter(sort_key__lte=after), count - len(found))
        if found:
            setattr(self.turn, field, found[-1].sort_key)
        return found

    def _some(self, images: QuerySet[Image], count: int) -> list[Image]:
        return list(images.exclude(pk__in=self.taken)[:count])

    def _task(self, image: Image, shown: dict[str, Any]) -> Task:
        self.taken.add(image.pk)
        self.leases.append(image.is_audit)
        return Task(image, image.is_audit, shown, timezone.now())


def _plain(is_audit: bool) -> dict[str, Any]:
    return {**(AUDIT if is_audit else UNRANKED), "guess": None, "top": [], "model_version": None}


def _describe(row: Candidate) -> dict[str, Any]:
    """What the page says about a candidate."""
    if row.is_audit:
        return _plain(True)
    guess = None if row.guess_id is None else {"label": row.guess_id, "confidence": row.confidence}
    return {
        "reason": {"code": row.reason, "text": row.reason_text},
        "guess": guess,
        "top": [{"label": label, "confidence": confidence} for label, confidence in row.top],
        "model_version": row.model_number,
    }
