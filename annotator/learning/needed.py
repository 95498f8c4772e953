"""How many labels are still needed, as far as the curve so far can tell: three numbers and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotator.labelling import tally
from annotator.projects.models import Project

GOAL = "95 % of the accuracy that labelling all {images:,} images would give"


def still_needed(project: Project, points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is still needed for 95 % of what all labels would give; `labels` is None while it cannot be said.

    points: the learning curve as `curve.points` gives it.
    """
    from mlcore.forecast import LEAST_JUDGED, forecast

    images = learnable(project)
    goal = GOAL.format(images=images)
    nothing = {"labels": None, "low": None, "high": None, "reach": None}
    judged = [point for point in points if point["accuracy"] is not None and point["n"] >= 2]
    if not judged or judged[-1]["n"] < LEAST_JUDGED:
        text = f"With {LEAST_JUDGED} audit labels it may be said how many labels are needed for {goal}."
        return nothing | {"text": text}
    if judged[-1]["labels"] >= images:
        return nothing | {"text": "Every image that can be learnt from has its label."}
    told = [_estimate(point) for point in judged]
    found = forecast(
        [point["labels"] for point in judged], [value for value, _ in told], [error for _, error in told], everything=images
    )
    if found is None:
        return nothing | {"text": f"It cannot be said yet how many labels are needed for {goal}."}
    about, low, high = found.more(judged[-1]["labels"])
    reach = f"which is about {100 * found.reach.value:.0f} % right"
    if high == 0:
        text = f"You have most likely reached {goal}, {reach}."
    elif about == 0:
        text = f"You may have reached {goal}, {reach}; if not, up to {_round(high):,} more labels get there."
    else:
        text = (
            f"About {_round(about):,} more labels (four times in five between {_round(low):,} and {_round(high):,}) "
            f"should reach {goal}, {reach}."
        )
    return {"labels": about, "low": low, "high": high, "reach": found.reach.value, "text": text}


def learnable(project: Project) -> int:
    """Images that can be learnt from: all but the judge's."""
    counts = tally.progress(project.pk)
    return counts["images"] - counts["audit_images"]


def _estimate(point: dict[str, Any]) -> tuple[float, float]:
    """(accuracy, its standard error): the prediction-powered estimate where there is one, for it is the narrower."""
    from mlcore.forecast import from_interval

    if point["ppi"] is None:
        return from_interval(point["low"], point["high"])
    return from_interval(point["ppi_low"], point["ppi_high"])


def _round(labels: int) -> int:
    """To two digits: more would claim too much."""
    step = int(10 ** max(0, len(str(labels)) - 2))
    return round(labels / step) * step
