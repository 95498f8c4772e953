"""How many labels are still needed, as far as the curve so far can tell: three numbers and one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from annotator.labelling import tally
from annotator.projects.models import Project

# Of a 95 % interval, in standard deviations from end to end.
ENDS = 2 * 1.96
# Fewer audit labels behind the newest point leave every forecast too wide to be worth a sentence.
LEAST_AUDIT = 30
# Points of the curve that the forecast is made from, evenly spread over the logarithm of the labels.
MOST_POINTS = 30
GOAL = "95 % of the accuracy that labelling all {images:,} images would give"


def still_needed(project: Project, points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is still needed for 95 % of what all labels would give; `labels` is None while it cannot be said.

    points: the learning curve as `curve.points` gives it.
    """
    from mlcore.forecast import forecast

    counts = tally.progress(project.pk)
    images = counts["images"] - counts["audit_images"]
    goal = GOAL.format(images=images)
    nothing = {"labels": None, "low": None, "high": None, "reach": None}
    judged = [point for point in points if point["accuracy"] is not None and point["n"] >= 2]
    if not judged or judged[-1]["n"] < LEAST_AUDIT:
        return nothing | {"text": f"With {LEAST_AUDIT} audit labels it may be said how many labels {goal} takes."}
    chosen = spread(judged)
    told = [_estimate(point) for point in chosen]
    found = forecast(
        [point["labels"] for point in chosen], [value for value, _ in told], [error for _, error in told], everything=images
    )
    if found is None:
        return nothing | {"text": f"How many labels {goal} takes cannot be said yet."}
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


def spread(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most MOST_POINTS points, the last of each step of the logarithm of their labels."""
    first, last = (math.log(max(1, points[place]["labels"])) for place in (0, -1))
    width = (last - first) / MOST_POINTS or 1.0
    by_step = {min(MOST_POINTS - 1, int((math.log(max(1, point["labels"])) - first) / width)): point for point in points}
    return list(by_step.values())


def _estimate(point: dict[str, Any]) -> tuple[float, float]:
    """(accuracy, its standard error): the prediction-powered estimate where there is one, for it is the narrower."""
    name = "accuracy" if point["ppi"] is None else "ppi"
    low, high = (point["low"], point["high"]) if point["ppi"] is None else (point["ppi_low"], point["ppi_high"])
    return point[name], max((high - low) / ENDS, 1e-3)


def _round(labels: int) -> int:
    """To two digits: more would claim too much."""
    step = 10 ** max(0, len(str(labels)) - 2)
    return round(labels / step) * step
