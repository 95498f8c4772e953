"""What to ask next: the best free candidates, at times an image of the judge's or of a device's, never one that others hold.

Handing out is one at a time in a project: whoever does it holds the lock of the project's `Turn` (on SQLite, that of the
database). So nothing has to be tried twice, and the rhythm of audit images holds for any number of clients together.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.images.models import Image
from annotator.labelling import lease, statements
from annotator.labelling.models import Turn
from annotator.projects.errors import Invalid
from annotator.projects.models import Project, User

log = logging.getLogger(__name__)

MOST = 50
MOST_HELD = 500
LONGEST_CLIENT = 64
LAST_SORT_KEY = 2**31
# Which of every so many tasks is one of the images that devices sent, while there are any.
SENT_EVERY, SENT_AT = 3, 2
AUDITS, SENT, LEARNS = "audit", "sent", "learn"
# The judge must not lean on the model: audit tasks come without a guess.
AUDIT = {"reason": {"code": "audit", "text": "Drawn at random, to judge the model"}}
UNRANKED = {"reason": {"code": "unranked", "text": "No ranking yet: in random order"}}


Found = tuple[Image, dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """An image to ask about. `shown`: reason {code, text}, guess {label, confidence} | None, top [...], model_version."""

    image: Image
    is_audit: bool
    shown: dict[str, Any]
    expires_at: datetime


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
    while True:
        try:
            with transaction.atomic():
                return _hand_out(project, user, client, count, exclude)
        except IntegrityError:
            # An image was deleted at this very moment: it is gone now, so look again.
            log.info("project %s: a task was deleted while it was handed out", project.pk)


def _hand_out(project: Project, user: User, client: str, count: int, exclude: Collection[int]) -> list[Task]:
    until = lease.expiry()
    now = timezone.now()
    turn, some_ended = statements.lock_turn(project.pk, now)
    if some_ended:
        lease.wind_back(turn, project.audit_every, *statements.take_expired(project.pk, now))
    held = statements.held_by(project.pk, user.pk, client, exclude, count)
    if held:
        statements.renew_leases([image.pk for image, _ in held], until)
    tasks = [Task(image, image.is_audit, shown or _plain(image.is_audit), until) for image, shown in held]
    if len(tasks) == count:
        return tasks
    for image, shown in _new(project, turn, count - len(tasks), exclude):
        if statements.add_lease(
            image=image, user_id=user.pk, client=client, number=turn.handed_out, shown=shown, until=until
        ):
            tasks.append(Task(image, image.is_audit, shown, until))
    statements.save_turn(turn)
    return tasks


def _new(project: Project, turn: Turn, count: int, exclude: Collection[int]) -> Iterator[Found]:
    """New tasks in the order in which they should be shown; moves the turn on with each."""
    free = _Free(turn, exclude)
    audits = free.take(_audits_due(turn, project.audit_every, count), is_audit=True)
    kinds = _kinds(turn, project.audit_every, count, len(audits))
    sent = free.take(kinds.count(SENT), is_audit=False, from_devices=True)
    learns = free.take(count - len(audits) - len(sent), is_audit=False)
    if len(learns) + len(sent) + len(audits) < count:
        # At the end of the pool only audit images are left: they are worth an answer too.
        audits += free.take(count - len(learns) - len(sent) - len(audits), is_audit=True)
    while learns or sent or audits:
        turn.handed_out += 1
        if audits and (_is_audits(turn, project.audit_every) or not (learns or sent)):
            found = audits.pop(0)
            turn.last_audit = turn.handed_out
        else:
            found = sent.pop(0) if sent and (_is_sents(turn) or not learns) else learns.pop(0)
        yield found


def _kinds(turn: Turn, every: int, count: int, audits: int) -> list[str]:
    """What the next tasks will be, if there is enough of everything but audit images; does not move the turn."""
    ahead = Turn(handed_out=turn.handed_out, last_audit=turn.last_audit)
    kinds = []
    for _ in range(count):
        ahead.handed_out += 1
        if audits and _is_audits(ahead, every):
            kinds.append(AUDITS)
            audits -= 1
            ahead.last_audit = ahead.handed_out
        else:
            kinds.append(SENT if _is_sents(ahead) else LEARNS)
    return kinds


def _is_audits(turn: Turn, every: int) -> bool:
    """Whether the task that the turn stands at is due to the judge."""
    return turn.handed_out - turn.last_audit >= every


def _is_sents(turn: Turn) -> bool:
    """Whether it is due to what devices sent: every third task, or the one after it where that went to the judge.

    Known from the task's number, which goes back with tasks that come back, so nothing more has to be kept.
    """
    after_audit = turn.last_audit == turn.handed_out - 1
    return SENT_AT in (turn.handed_out % SENT_EVERY, (turn.handed_out - after_audit) % SENT_EVERY)


def _audits_due(turn: Turn, every: int, count: int) -> int:
    """How many of the next `count` tasks should be audit images. What could not be handed out in time is not made up for."""
    since = min(turn.handed_out - turn.last_audit, every - 1)
    return (since + count) // every


class _Free:
    """The images of a project that nobody has answered and nobody holds, while its turn is locked."""

    def __init__(self, turn: Turn, exclude: Collection[int]) -> None:
        self.project_id = turn.project_id
        self.turn = turn
        self.taken = set(exclude)
        self.left, self.sent = statements.count_free(turn.project_id)

    def take(self, count: int, *, is_audit: bool, from_devices: bool = False) -> list[Found]:
        """Up to `count` images, best first; in their fixed order where no ranking reaches.

        `from_devices`: only those that devices sent, as far as they are ranked.
        """
        # Known without looking, so that an empty queue costs nothing.
        count = min(count, self.left[is_audit])
        if count <= 0 or (from_devices and not self.sent):
            return []
        ranked = statements.free_candidates(self.project_id, is_audit, self.taken, count, from_devices=from_devices)
        found = [(image, _describe(is_audit, *row)) for image, row in ranked]
        self.taken.update(image.pk for image, _ in found)
        if len(found) < count and not from_devices:
            found += [(image, _plain(is_audit)) for image in self._unranked(count - len(found), is_audit)]
        self.taken.update(image.pk for image, _ in found)
        self.left[is_audit] -= len(found)
        return found

    def _unranked(self, count: int, is_audit: bool) -> list[Image]:
        """In the order of their sort keys, from where the last search ended, and round once."""
        after = self.turn.audit_after if is_audit else self.turn.learn_after
        found = self._between(after, LAST_SORT_KEY, count, is_audit)
        if len(found) < count:
            found += self._between(-1, after, count - len(found), is_audit)
        if found and is_audit:
            self.turn.audit_after = found[-1].sort_key
        elif found:
            self.turn.learn_after = found[-1].sort_key
        return found

    def _between(self, after: int, before: int, count: int, is_audit: bool) -> list[Image]:
        return statements.free_images(self.project_id, is_audit, self.taken, count, after=after, before=before)


def _plain(is_audit: bool) -> dict[str, Any]:
    return {**(AUDIT if is_audit else UNRANKED), "guess": None, "top": [], "model_version": None}


def _describe(
    is_audit: bool, reason: str, text: str, guess: int | None, confidence: float | None, top: str, model: int | None
) -> dict[str, Any]:
    """What the page says about a candidate."""
    if is_audit:
        return _plain(True)
    return {
        "reason": {"code": reason, "text": text},
        "guess": None if guess is None else {"label": guess, "confidence": confidence},
        "top": [{"label": label, "confidence": value} for label, value in json.loads(top)],
        "model_version": model,
    }
