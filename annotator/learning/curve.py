"""How learning goes, for the learn page: the curve, the stop hint, the classes, and the images behind each mistake."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Max, Q

from annotator.labelling.models import Annotation, Candidate, Standing
from annotator.learning import replay
from annotator.learning.models import ModelVersion
from annotator.learning.needed import learnable, still_needed
from annotator.projects.models import Project

# More points than this are not seen on any screen.
CURVE_POINTS = 200
READ_POINTS = 1000
# Agreement of successive models at which labelling more changes little (Bloodgood and Vijay-Shanker 2009).
NEARLY = 0.98
DONE = 0.99
# Where the bar begins: successive models that agree no better than this are still finding their feet.
BAR_FROM = 0.80
# Kappa between models of so few labels says nothing.
STOP_LABELS = 20


def serving(project_id: int) -> ModelVersion | None:
    """The version at work, without its weights."""
    versions = ModelVersion.objects.filter(project=project_id, state=ModelVersion.State.SERVING)
    return versions.defer("weights").first()


def describe(version: ModelVersion) -> dict[str, Any]:
    """A version in a few numbers, as events and lists give it."""
    timings = version.timings
    return {
        "number": version.number,
        "labels": version.label_count,
        "accuracy": accuracy(version),
        "fit_ms": _ms(timings.get("fit", 0.0) + timings.get("calibrate", 0.0)),
        "total_ms": _ms(timings.get("total", 0.0)),
        "kappa": version.metrics.get("kappa"),
    }


def accuracy(version: ModelVersion) -> dict[str, Any] | None:
    """On labelled audit images, with its interval and their number; None before there are any."""
    if version.accuracy is None:
        return None
    return {
        "value": version.accuracy, "low": version.accuracy_low, "high": version.accuracy_high, "n": version.audit_count,
    }


def summary(project: Project) -> dict[str, Any]:
    """Everything that the learn page shows."""
    version = serving(project.pk)
    curve = points(project)
    return {
        "model": detail(version) if version else None,
        "stop": stop_hint(version, complete=version is not None and version.label_count >= learnable(project)),
        "needed": still_needed(project, curve),
        "curve": curve,
        "reliability": version.metrics.get("reliability") if version else None,
        "confusion": confusion(version),
        "classes": classes(project, version),
        "queue_depth": Candidate.objects.filter(project=project, is_audit=False).count(),
        "simulated": replay.summary(project),
        "replay_needs": replay.missing(project),
    }


def detail(version: ModelVersion) -> dict[str, Any]:
    """A version with all its numbers."""
    return describe(version) | {
        "state": version.state,
        "head": version.head,
        "strategy": version.strategy,
        "classes": version.classes,
        "annotations_hash": version.annotations_hash,
        "audit_count": version.audit_count,
        "macro_f1": version.metrics.get("macro_f1"),
        "ppi": version.metrics.get("ppi"),
        "calibration": version.metrics.get("calibration"),
        "temperature": version.temperature,
        "timings": version.timings,
        "created_at": version.created_at,
    }


def points(project: Project) -> list[dict[str, Any]]:
    """The learning curve, oldest first: the last version of each count of labels, thinned to a screenful."""
    rows = project.models.exclude(state=ModelVersion.State.TRAINING).order_by("number")
    last = rows.aggregate(last=Max("number"))["last"] or 0
    if last > READ_POINTS:
        # Of ten thousand versions not all need be read to draw two hundred points.
        every = -(-last // READ_POINTS)
        rows = rows.annotate(rest=F("number") % every).filter(Q(rest=0) | Q(number=last))
    by_labels = {
        row["label_count"]: row
        for row in rows.values(
            "number", "label_count", "audit_count", "accuracy", "accuracy_low", "accuracy_high", "created_at", "metrics__ppi"
        )
    }
    kept = thin(sorted(by_labels.values(), key=lambda row: row["number"]), CURVE_POINTS)
    return [
        {
            "labels": row["label_count"], "number": row["number"], "accuracy": row["accuracy"], "low": row["accuracy_low"],
            "high": row["accuracy_high"], "n": row["audit_count"], "at": row["created_at"],
            "ppi": (row["metrics__ppi"] or {}).get("value"), "ppi_low": (row["metrics__ppi"] or {}).get("low"),
            "ppi_high": (row["metrics__ppi"] or {}).get("high"),
        }
        for row in kept
    ]


def thin(rows: list[Any], most: int) -> list[Any]:
    """At most `most` rows, evenly spread, the first and the last always among them."""
    if len(rows) <= most:
        return rows
    step = (len(rows) - 1) / (most - 1)
    return [rows[round(number * step)] for number in range(most)]


def stop_hint(version: ModelVersion | None, *, complete: bool = False) -> dict[str, Any]:
    """How much labelling more would still change: kappa, a bar from 0 to 1, and a sentence. A hint, never a lock.

    complete: every image that can be learnt from has its label.
    """
    kappa = version.metrics.get("kappa") if version else None
    if complete:
        text = "There is nothing left to label: only more images would teach it more."
        return {"kappa": kappa, "bar": 1.0, "near_done": True, "done": True, "text": text}
    if version is None or kappa is None or version.label_count < STOP_LABELS:
        text = "Too early to say: label some more, and the models before and after can be compared."
        return {"kappa": kappa, "bar": 0.0, "near_done": False, "done": False, "text": text}
    bar = min(1.0, max(0.0, (kappa - BAR_FROM) / (DONE - BAR_FROM)))
    share = f"The last labels left {100 * kappa:.1f} % of what the model says as it was, beyond chance"
    if kappa >= DONE:
        text = f"{share}: more labels will change little. You may stop."
    elif kappa >= NEARLY:
        text = f"{share}: you are nearly done."
    else:
        text = f"{share}: labels still teach it something."
    return {"kappa": kappa, "bar": round(bar, 3), "near_done": kappa >= NEARLY, "done": kappa >= DONE, "text": text}


def confusion(version: ModelVersion | None) -> dict[str, Any] | None:
    """Counts of audit images, row = what people said, column = what the model says, in the order of the label ids in
    `labels`; None while nothing was judged."""
    if version is None or not version.audit_results:
        return None
    n = len(version.classes)
    matrix = [[0] * n for _ in range(n)]
    for _, truth, guess, _ in version.audit_results:
        matrix[truth][guess] += 1
    return {"labels": [entry["id"] for entry in version.classes], "matrix": matrix}


def cell(project: Project, *, truth: int, predicted: int) -> list[tuple[int, float]]:
    """(image id, confidence) of the audit images behind one cell, surest first; truth and predicted are label ids."""
    version = serving(project.pk)
    if version is None or not version.audit_results:
        return []
    place = {entry["id"]: number for number, entry in enumerate(version.classes)}
    wanted = (place.get(truth), place.get(predicted))
    found = [(image, sure) for image, true, guess, sure in version.audit_results if (true, guess) == wanted]
    return sorted(found, key=lambda pair: -pair[1])


def classes(project: Project, version: ModelVersion | None) -> list[dict[str, Any]]:
    """Each class with its labels, and how well it is told apart on the audit images."""
    labelled = Standing.objects.filter(project=project, kind=Annotation.Kind.LABEL).values("label")
    audit = Q(is_audit=True)
    counted = labelled.annotate(learnt=Count("pk", filter=~audit), audit=Count("pk", filter=audit))
    counts: dict[int, dict[str, Any]] = {row["label"]: dict(row) for row in counted}
    scores = {}
    if version is not None:
        scores = {
            entry["id"]: score
            for entry, score in zip(version.classes, version.metrics.get("per_class") or [], strict=False)
        }
    table = []
    for label in project.labels.filter(archived_at=None):
        count, score = counts.get(label.pk, {}), scores.get(label.pk, {})
        table.append({
            "label": label.pk, "count": count.get("learnt", 0), "audit_count": count.get("audit", 0),
            **_share("precision", score.get("precision")), **_share("recall", score.get("recall")), "f1": score.get("f1"),
        })
    return table


def _share(name: str, estimate: dict[str, float] | None) -> dict[str, float | None]:
    """A share and its interval as three flat numbers."""
    ends = estimate or {}
    return {name: ends.get("value"), f"{name}_low": ends.get("low"), f"{name}_high": ends.get("high")}


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
