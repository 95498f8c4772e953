"""Similar images come from the learning worker, which may be away; groups of near duplicates come from the database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from redis import Redis

from annotator.images.models import Image
from annotator.jobs import bus
from annotator.jobs.workers import SEEN
from annotator.learning import similar
from annotator.learning.models import Twin
from annotator.projects.models import Project, User
from tests.labelling.answers import say
from tests.labelling.rows import make_images
from tests.with_redis import live_redis, messages

__all__ = ["live_redis"]


@contextmanager
def worker(client: Redis, result: Any) -> Iterator[list[list[Any]]]:
    """A learn worker that gives every question this answer; the questions it was asked."""
    asked: list[list[Any]] = []
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            for task, arguments in messages(client, "learn"):
                assert task == "learning.similar"
                asked.append(arguments[:-1])
                client.delete("learn")
                bus.answer(arguments[-1], result)

    client.zadd(SEEN, {"learn@here": client.time()[0]})
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join()


@pytest.fixture
def images(project: Project) -> list[Image]:
    made = make_images(project, 4)
    Image.objects.filter(pk__in=[image.pk for image in made]).update(featured=True)
    return made


def ask(client: Client, image: Image, **query: Any) -> tuple[int, dict[str, Any]]:
    answer = client.get(f"/api/projects/{image.project_id}/images/{image.pk}/similar", query)
    return answer.status_code, answer.json()


def test_the_worker_s_answer_comes_with_the_images(
    as_annotator: Client, images: list[Image], live_redis: Redis
) -> None:
    first, second, third, _ = images
    found = [[second.pk, 0.95, "duplicate"], [999_999, 0.9, "duplicate"], [third.pk, 0.5, ""]]
    with worker(live_redis, found) as asked:
        status, answer = ask(as_annotator, first, count=3)

    assert (status, asked) == (200, [[first.project_id, first.pk, 3]])
    rows = [(row["id"], row["name"], row["cosine"], row["alike"]) for row in answer["results"]]
    # One that has been deleted meanwhile is left out.
    assert rows == [(second.pk, second.name, 0.95, "duplicate"), (third.pk, third.name, 0.5, "")]


def test_without_a_worker_a_sentence_says_so_at_once(
    as_annotator: Client, images: list[Image], live_redis: Redis
) -> None:
    status, answer = ask(as_annotator, images[0])

    assert (status, answer["error"]["code"]) == (503, "unavailable")
    assert "annotator up" in answer["error"]["message"]


def test_a_worker_that_is_busy_is_not_waited_for_without_end(
    as_annotator: Client, images: list[Image], live_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar, "PATIENCE", 0.3)
    live_redis.zadd(SEEN, {"learn@here": live_redis.time()[0]})

    status, answer = ask(as_annotator, images[0])

    assert status == 503 and "try again" in answer["error"]["message"]


def test_nor_is_redis(as_annotator: Client, images: list[Image]) -> None:
    status, answer = ask(as_annotator, images[0])

    assert status == 503 and "Redis" in answer["error"]["message"]


def test_an_image_without_features_is_not_asked_about(as_annotator: Client, project: Project) -> None:
    status, answer = ask(as_annotator, make_images(project, 1)[0])

    assert (status, answer["error"]["code"]) == (409, "not_ready")


def test_groups_come_page_by_page_those_that_differ_first(
    as_annotator: Client, project: Project, annotator: User
) -> None:
    images = make_images(project, 6)
    for number, image in enumerate(images):
        Twin.objects.create(image=image, project=project, number=images[number // 2 * 2].pk, cosine=0.97)
    cup, glass = project.labels.order_by("id")
    say(images[4], annotator, cup)
    say(images[5], annotator, glass)

    answer = as_annotator.get(f"/api/projects/{project.pk}/duplicates", {"limit": 2}).json()

    assert [(group["differ"], [row["id"] for row in group["images"]]) for group in answer["results"]] == [
        (True, [images[4].pk, images[5].pk]), (False, [images[0].pk, images[1].pk])
    ]
    assert (answer["total"], answer["differ"], answer["next"]) == (3, 1, 2)
    assert (answer["searched"], answer["searched_at"]) == (0, None)
    rest = as_annotator.get(f"/api/projects/{project.pk}/duplicates", {"limit": 2, "cursor": 2}).json()
    assert [len(group["images"]) for group in rest["results"]] == [2] and rest["next"] is None
