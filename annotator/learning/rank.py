"""The queue: what to ask next, as rows, written in one transaction with the reason that a person can read."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import transaction

from annotator.images.models import Image
from annotator.labelling.models import Candidate, Standing
from annotator.learning import from_devices
from annotator.learning.answers import Answers
from annotator.learning.data import Warm
from annotator.learning.from_devices import Sent
from annotator.learning.models import Ranking
from annotator.projects.models import Label, Project
from mlcore.heads.base import sharpened
from mlcore.loop import Reason, Step

# Audit images that wait in the queue: they come every tenth task, so fifty last for five hundred.
AUDIT_SIZE = 50
TOP = 3

TEXTS = {
    "cold_start": "shows what many of your images look like",
    "unlike": "unlike anything labelled yet",
    "random": "drawn at random",
    "audit": "audit: checks the model, is not learnt from",
    "unranked": "next in line",
}


def write_queue(
    *, project: Project, known: Warm, said: Answers, turn: Step, sent: Sent, model_number: int | None, seen: str,
    seconds: float, temperature: float = 1.0,
) -> int:
    """Replace the project's candidates and note what the ranking saw; answers how many candidates there are.

    temperature: the model version's, so that the confidence beside a guess is the one that a bundle would give.

    Images that were answered or deleted while the ranking was made are left out.
    """
    rows = _ranked(project, known, said, turn, model_number, temperature)
    rows += _sent(project, known, said, turn, sent, model_number, temperature, len(rows)) + _audit(project, known, said)
    ids = [row.image_id for row in rows]
    with transaction.atomic():
        Candidate.objects.filter(project=project).delete()
        # After the delete, so that on SQLite the write lock is held and nothing can change any more.
        gone = set(Standing.objects.filter(image__in=ids).values_list("image_id", flat=True))
        here = set(Image.objects.filter(pk__in=ids).values_list("pk", flat=True))
        left = [row for row in rows if row.image_id in here and row.image_id not in gone]
        Candidate.objects.bulk_create(left)
        Ranking.objects.update_or_create(
            project=project,
            defaults={"seen": seen, "model_number": model_number, "candidates": len(left), "seconds": round(seconds, 4)},
        )
    return len(left)


def reason_text(reason: Reason, classes: list[Label]) -> str:
    """Why an image is shown, for people."""
    names = [classes[number].name for number in reason.classes]
    if reason.code == "torn":
        return f"torn between {names[0]} and {names[1]}" if len(set(names)) == 2 else "the model is unsure"
    if reason.code == "rare_class":
        return f"may be {names[0]}, which has few labels"
    if reason.code == "disputed":
        return f"equally good models disagree: {names[0]} or {names[1]}" if len(set(names)) == 2 else "the model is unsure"
    if reason.code == "odd":
        return f"not like the {names[0]} seen so far"
    return TEXTS[reason.code]


def _ranked(
    project: Project, known: Warm, said: Answers, turn: Step, model_number: int | None, temperature: float
) -> list[Candidate]:
    return [
        Candidate(
            project=project, image_id=int(known.pool.ids[row]), position=position, score=float(score), reason=reason.code,
            reason_text=reason_text(reason, said.classes)[:200], model_number=model_number,
            **_guess(turn, int(row), said.classes, temperature),
        )
        for position, (row, score, reason) in enumerate(
            zip(turn.selection.indices, turn.selection.scores, turn.reasons, strict=True)
        )
    ]


def _sent(
    project: Project, known: Warm, said: Answers, turn: Step, sent: Sent, model_number: int | None, temperature: float,
    first: int,
) -> list[Candidate]:
    """What devices sent, behind the strategy's own choice: the queue takes these in at a pace of its own."""
    rows, reasons = from_devices.order(known, said, turn, sent)
    return [
        Candidate(
            project=project, image_id=int(known.pool.ids[row]), position=position, reason=reason.code,
            reason_text=_sent_text(sent.names[int(row)], reason, said.classes)[:200], model_number=model_number,
            **_guess(turn, int(row), said.classes, temperature),
        )
        for position, (row, reason) in enumerate(zip(rows, reasons, strict=True), start=first)
    ]


def _sent_text(device: str, reason: Reason, classes: list[Label]) -> str:
    special = {"unlike": from_devices.UNLIKE, "cold_start": from_devices.HARD}
    return f"from {device}: {special.get(reason.code) or reason_text(reason, classes)}"


def _audit(project: Project, known: Warm, said: Answers) -> list[Candidate]:
    """Audit images in their fixed random order. Without a guess: one that is pre-selected would flatter the model."""
    rows = np.flatnonzero(~said.answered)
    rows = rows[np.argsort(known.audit.sort_keys[rows], kind="stable")]
    free = rows[~said.audit_in_flight[rows]][:AUDIT_SIZE]
    return [
        Candidate(
            project=project, image_id=int(known.audit.ids[row]), position=position, is_audit=True, reason="audit",
            reason_text=TEXTS["audit"],
        )
        for position, row in enumerate(free)
    ]


def _guess(turn: Step, row: int, classes: list[Label], temperature: float) -> dict[str, Any]:
    if turn.probabilities is None:
        return {}
    p = sharpened(turn.probabilities[row : row + 1], temperature)[0]
    top = [(int(place), float(p[place])) for place in np.argsort(-p, kind="stable")[:TOP]]
    best, confidence = top[0]
    return {
        "guess": classes[best], "confidence": round(confidence, 4),
        "top": [[classes[place].pk, round(value, 4)] for place, value in top if value > 0.0005],
    }
