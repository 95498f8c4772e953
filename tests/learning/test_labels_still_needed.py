"""The learn page says in one sentence how many labels are still needed, or that it cannot say."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.learning.needed import still_needed
from tests.learning.world import World


def points(heights: list[tuple[int, float]], *, n: int) -> list[dict[str, Any]]:
    """A curve as the learn page has it."""
    return [
        {
            "labels": labels, "accuracy": value, "low": value - 0.02, "high": value + 0.02, "n": n,
            "ppi": value, "ppi_low": value - 0.015, "ppi_high": value + 0.015,
        }
        for labels, value in heights
    ]


RISING = [(labels, 0.9 - 0.4 * (labels / 10) ** -0.6) for labels in range(10, 81, 5)]


def test_without_audit_labels_it_says_what_is_missing(world: World) -> None:
    found = still_needed(world.project, points(RISING, n=4))

    assert found["labels"] is None
    assert found["text"].startswith("With 10 audit labels it may be said")


def test_with_few_points_it_says_that_it_cannot_say(world: World) -> None:
    found = still_needed(world.project, points(RISING[:3], n=40))

    assert found["labels"] is None
    assert found["text"].startswith("It cannot be said yet")


def test_a_curve_that_rises_gives_a_number_and_its_range(world: World) -> None:
    world.add_images(800)

    found = still_needed(world.project, points(RISING, n=400))

    assert 0 <= found["low"] <= found["labels"] <= found["high"]
    assert found["high"] > 0
    assert 0.7 < found["reach"] < 1
    assert "more labels" in found["text"] and "95 % of the accuracy that labelling all" in found["text"]


def test_a_curve_that_stands_still_has_arrived(world: World) -> None:
    world.add_images(800)
    flat = [(labels, 0.9 - 0.6 * (labels / 10) ** -2.5) for labels in range(10, 301, 10)]

    found = still_needed(world.project, points(flat, n=400))

    assert (found["labels"], found["high"]) == (0, 0)
    assert found["text"].startswith("You have most likely reached")


def test_when_every_image_has_its_label_there_is_nothing_to_ask(world: World) -> None:
    found = still_needed(world.project, points([(len(world.pool()), 0.9)], n=40))

    assert found["labels"] is None
    assert found["text"] == "Every image that can be learnt from has its label."


@pytest.mark.parametrize("field", ["needed", "reliability"])
def test_the_page_is_told_before_there_is_anything(field: str, world: World) -> None:
    from annotator.learning import curve

    assert field in curve.summary(world.project)
