"""What happens when something new was said: fit, judge, serve, rank, tell."""

from __future__ import annotations

import time

from django.conf import settings

from annotator.jobs import events
from annotator.labelling import tally
from annotator.labelling.models import Candidate
from annotator.learning import behind, curve, data, from_devices
from annotator.learning.answers import answers
from annotator.learning.fit import fit, record_version
from annotator.learning.judge import judge, retire_all, serve
from annotator.learning.models import ModelVersion, Ranking
from annotator.learning.rank import write_queue
from annotator.projects.models import Project


def learn(project_id: int, *, again: bool = False) -> ModelVersion | None:
    """Bring model and queue up to date. Answers the serving version, or None while there is no label.

    Does nothing when nothing has changed since the last ranking, unless `again`.
    """
    project = Project.objects.filter(pk=project_id, archived_at=None).first()
    if project is None:
        return None
    # Read before anything else: whatever comes after this moment makes the next turn.
    seen = behind.state_of(project)
    ranking = Ranking.objects.filter(project=project).first()
    if not again and ranking is not None and ranking.seen == seen:
        return curve.serving(project_id)
    clock = _Clock()
    known = data.warm(project)
    if known is None:
        _forget_queue(project, seen)
        return None
    said = answers(project, known)
    clock.lap("load")
    sent = from_devices.waiting(project, known)
    turn = fit(project=project, known=known, said=said, k=settings.QUEUE_SIZE, aside=sent.among(len(known.pool)))
    clock.skip(turn.timings)
    version = None
    if turn.head is None:
        retire_all(project_id=project_id)
    else:
        version = record_version(project=project, known=known, said=said, head=turn.head, kappa=turn.kappa)
        clock.lap("save")
        judge(version=version, known=known, said=said)
        serve(version=version)
        clock.lap("judge")
    candidates = write_queue(
        project=project, known=known, said=said, turn=turn, sent=sent, model_number=version.number if version else None,
        seen=seen, seconds=clock.total, temperature=version.temperature if version else 1.0,
    )
    clock.lap("write")
    if version is not None:
        version.timings = clock.laps | {"total": clock.total}
        version.save(update_fields=["timings"])
        events.publish(project_id, "model", curve.describe(version))
    events.publish(project_id, "queue", {"model_version": version.number if version else None, "candidates": candidates})
    events.publish(project_id, "progress", dict(tally.progress(project_id)))
    return version


def _forget_queue(project: Project, seen: str) -> None:
    """Nothing can be asked: no image of the pool has features (any more)."""
    Candidate.objects.filter(project=project).delete()
    Ranking.objects.update_or_create(project=project, defaults={"seen": seen, "model_number": None, "candidates": 0})


class _Clock:
    """Wall seconds of each part of a turn, rounded to tenths of a millisecond."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 4)
        self._last = now

    def skip(self, laps: dict[str, float]) -> None:
        """Take over the laps of a part that timed itself."""
        self.laps |= {name: round(seconds, 4) for name, seconds in laps.items()}
        self._last = time.perf_counter()

    @property
    def total(self) -> float:
        return round(time.perf_counter() - self._start, 4)
