"""The two requests that everybody waits for ask the database and Redis no more than they must."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from annotator.projects.models import Label, Project, User
from tests.labelling.rows import make_images, rank
from tests.with_redis import live_redis, messages

__all__ = ["live_redis"]

# Who asks: the session, the user, the project with the role in it.
WHO = 3


@pytest.fixture
def post(anna: User, project: Project) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """A request of Anna's browser about the project; it has made one before."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(anna)
    browser.cookies["csrftoken"] = "a" * 32

    def send(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = browser.post(
            f"/api/projects/{project.pk}/{path}", body, "application/json", headers={"X-CSRFToken": "a" * 32}
        )
        assert answer.status_code in (200, 201), answer.content
        return dict(answer.json())

    rank(project, make_images(project, 40))
    send("tasks/next", {"client": "page", "count": 5})
    return send


Post = Callable[[str, dict[str, Any]], dict[str, Any]]


def statements(captured: CaptureQueriesContext) -> list[str]:
    """What was asked, without the marks of transactions: a test is one itself, and so has others than a server."""
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def answer(held: list[dict[str, Any]], label: Label) -> dict[str, Any]:
    image = held[0]["image"]["id"]
    return {"id": str(uuid.uuid4()), "image": image, "kind": "label", "label": label.pk, "client": "page", "seconds": 1.5}


def test_a_next_task(post: Post) -> None:
    held = [task["image"]["id"] for task in post("tasks/next", {"client": "page", "count": 5})["tasks"]]

    with CaptureQueriesContext(connection) as asked:
        told = post("tasks/next", {"client": "page", "count": 1, "exclude": held})

    assert len(told["tasks"]) == 1
    # The turn, what the page holds, how much is free, the best of it, its lease, the turn again, its sender, the progress.
    assert len(statements(asked)) == WHO + 8, statements(asked)


def test_an_answer(post: Post, cup: Label) -> None:
    held = post("tasks/next", {"client": "page", "count": 5})["tasks"]

    with CaptureQueriesContext(connection) as asked:
        told = post("annotations", answer(held, cup))

    assert told["progress"]["labelled"] == 1
    # The image, its class, the answer, what stands now, the end of the lease, the progress.
    assert len(statements(asked)) == WHO + 6, statements(asked)


def test_an_answer_is_one_command_for_redis(
    post: Post, project: Project, cup: Label, live_redis: Redis,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def commands() -> dict[str, int]:
        """Of one more answer, those that its script gives included."""
        held = post("tasks/next", {"client": "page", "count": 5})["tasks"]
        live_redis.config_resetstat()
        with django_capture_on_commit_callbacks(execute=True):
            post("annotations", answer(held, cup))
        counted = {name.removeprefix("cmdstat_"): row["calls"] for name, row in live_redis.info("commandstats").items()}
        return {name: calls for name, calls in counted.items() if not name.startswith("config")}

    commands()
    assert commands() == {"evalsha": 1, "set": 1}
    live_redis.delete(f"annotator:learn:{project.pk}")
    assert commands() == {"evalsha": 1, "set": 1, "lpush": 1}
    assert messages(live_redis, "learn") == [("learning.learn", [project.pk])] * 2
