"""What the learn page is told: curve, stop hint, classes, confusion, and the images behind each cell."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from annotator.learning import curve
from annotator.learning.learn import learn
from annotator.learning.models import ModelVersion
from annotator.projects.models import User
from tests.learning.world import World


@pytest.fixture
def browser(world: World) -> Client:
    """Olga's."""
    client = Client()
    client.force_login(world.owner)
    return client


@pytest.fixture
def learnt(world: World) -> World:
    """Eighteen labels in three turns, and twenty of the judge's."""
    for image in world.audit()[:20]:
        world.say(image)
    for _ in range(3):
        world.say_some(6)
        learn(world.project.pk)
    return world


def page(client: Client, world: World) -> dict[str, Any]:
    answer = client.get(f"/api/projects/{world.project.pk}/learning")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_before_the_first_label_the_page_is_empty_but_whole(world: World, browser: Client) -> None:
    learn(world.project.pk)

    found = page(browser, world)

    assert found["model"] is None and found["confusion"] is None and found["curve"] == []
    assert found["simulated"] is None
    assert found["stop"]["text"].startswith("Too early to say")
    assert found["queue_depth"] > 0
    assert [row["count"] for row in found["classes"]] == [0, 0, 0]


def test_the_curve_has_a_point_for_each_count_of_labels(learnt: World, browser: Client) -> None:
    points = page(browser, learnt)["curve"]

    assert [point["labels"] for point in points] == [6, 12, 18]
    last = points[-1]
    assert last["low"] - 1e-9 <= last["accuracy"] <= last["high"] + 1e-9 and last["n"] == 20
    assert last["ppi_low"] <= last["ppi"] <= last["ppi_high"]


def test_the_model_is_told_with_its_numbers(learnt: World, browser: Client) -> None:
    model = page(browser, learnt)["model"]

    assert (model["number"], model["labels"], model["state"], model["head"]) == (3, 18, "serving", "blend")
    assert model["accuracy"]["n"] == 20
    assert model["fit_ms"] >= 0 and model["total_ms"] > 0
    assert len(model["annotations_hash"]) == 64


def test_the_confusion_matrix_counts_every_audit_label(learnt: World, browser: Client) -> None:
    found = page(browser, learnt)

    matrix = found["confusion"]["matrix"]
    assert found["confusion"]["labels"] == [label.pk for label in learnt.labels]
    assert sum(map(sum, matrix)) == 20
    by_class = {row["label"]: row["audit_count"] for row in found["classes"]}
    assert [sum(row) for row in matrix] == [by_class[label.pk] for label in learnt.labels]


def test_behind_each_cell_are_its_images_surest_first(learnt: World, browser: Client) -> None:
    found = page(browser, learnt)["confusion"]
    for row, truth in enumerate(found["labels"]):
        for column, predicted in enumerate(found["labels"]):
            address = f"/api/projects/{learnt.project.pk}/learning/cell?truth={truth}&predicted={predicted}"
            images = browser.get(address).json()["results"]
            assert len(images) == found["matrix"][row][column]
            assert all(image["label"]["id"] == truth and image["predicted"] == predicted for image in images)
            assert all(image["is_audit"] for image in images)
            confidences = [image["confidence"] for image in images]
            assert confidences == sorted(confidences, reverse=True)


@pytest.mark.parametrize("query", ["", "?truth=1", "?truth=a&predicted=2"])
def test_a_cell_must_be_named_by_two_classes(query: str, learnt: World, browser: Client) -> None:
    answer = browser.get(f"/api/projects/{learnt.project.pk}/learning/cell{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["field"] in {"truth", "predicted"}


def test_classes_are_counted_apart_for_learning_and_judging(learnt: World, browser: Client) -> None:
    rows = page(browser, learnt)["classes"]

    assert sum(row["count"] for row in rows) == 18
    assert sum(row["audit_count"] for row in rows) == 20
    known = [row for row in rows if row["recall"] is not None]
    assert known
    assert all(row["recall_low"] - 1e-9 <= row["recall"] <= row["recall_high"] + 1e-9 for row in known)


def test_the_versions_are_listed_newest_first_without_their_weights(learnt: World, browser: Client) -> None:
    rows = browser.get(f"/api/projects/{learnt.project.pk}/models").json()

    assert [row["number"] for row in rows] == [3, 2, 1]
    assert [row["state"] for row in rows] == ["serving", "retired", "retired"]
    assert "weights" not in rows[0]


@pytest.mark.parametrize("path", ["learning", "learning/cell?truth=1&predicted=1", "models"])
def test_strangers_see_nothing(path: str, learnt: World) -> None:
    stranger = Client()
    assert stranger.get(f"/api/projects/{learnt.project.pk}/{path}").status_code == 401
    stranger.force_login(User.objects.create(username="sam"))
    assert stranger.get(f"/api/projects/{learnt.project.pk}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("labels", "kappa", "bar", "near", "done"),
    [
        (10, 0.999, 0.0, False, False),
        (50, None, 0.0, False, False),
        (50, 0.5, 0.0, False, False),
        (50, 0.895, 0.5, False, False),
        (50, 0.981, 0.953, True, False),
        (50, 0.99, 1.0, True, True),
    ],
)
def test_the_stop_hint_is_a_bar(labels: int, kappa: float | None, bar: float, near: bool, done: bool) -> None:
    hint = curve.stop_hint(ModelVersion(label_count=labels, metrics={"kappa": kappa}))

    assert (hint["near_done"], hint["done"]) == (near, done)
    assert hint["bar"] == pytest.approx(bar, abs=0.01)
    assert hint["text"].endswith(".")


def test_with_a_label_on_every_image_it_asks_for_no_more(world: World, browser: Client) -> None:
    world.say_some(len(world.pool()))
    learn(world.project.pk)

    stop = page(browser, world)["stop"]

    assert stop["done"] and stop["bar"] == 1.0
    assert stop["text"].startswith("There is nothing left to label")


def test_of_very_many_versions_some_are_read(learnt: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "READ_POINTS", 2)

    # Every second one, and the last.
    assert [point["number"] for point in curve.points(learnt.project)] == [2, 3]


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    thinned = curve.thin(list(range(1000)), 200)

    assert len(thinned) == 200
    assert (thinned[0], thinned[-1]) == (0, 999)
    assert thinned == sorted(set(thinned))
    assert curve.thin([1, 2, 3], 200) == [1, 2, 3]
