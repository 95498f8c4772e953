"""The stream of a project: who may listen, what a page hears first, and what it hears then."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from django.test import Client
from redis import Redis

from annotator.api import events as api
from annotator.jobs.models import Job
from annotator.jobs.progress import start_job
from annotator.projects.models import Project, User
from annotator.projects.tokens import make_token
from tests.jobs import listening as streams
from tests.jobs.listening import Page, play, tell


def listening(project: Project, user: User | None, **headers: str) -> AbstractAsyncContextManager[Page]:
    return streams.listening(f"/events/projects/{project.pk}", user, **headers)


def test_a_page_first_hears_how_things_stand(project: Project, owner: User, live_redis: Redis) -> None:
    job = start_job(project=project, kind=Job.Kind.EXPORT)

    async def scene() -> Any:
        async with listening(project, owner) as page:
            assert (await page.text()).startswith("retry: ")
            return await page.next(), await page.next()

    (first, counts), (second, told) = play(scene)
    assert first == "progress" and counts["images"] == 0
    assert second == "job" and (told["id"], told["state"]) == (str(job.pk), "queued")


def test_then_it_hears_what_happens(project: Project, owner: User, live_redis: Redis) -> None:
    async def scene() -> Any:
        async with listening(project, owner) as page:
            await page.next()
            await tell(project, "queue", {"candidates": 3, "model_version": None})
            return await page.next()

    assert play(scene) == ("queue", {"candidates": 3, "model_version": None})


def test_without_redis_it_still_hears_how_things_stand(project: Project, owner: User) -> None:
    async def scene() -> Any:
        async with listening(project, owner) as page:
            return (await page.next())[0]

    assert play(scene) == "progress"


def test_a_silent_stream_is_kept_alive(
    project: Project, owner: User, live_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "HEARTBEAT_SECONDS", 0.05)

    async def scene() -> str:
        async with listening(project, owner) as page:
            await page.next()
            return await page.text()

    assert play(scene).startswith(":")


def test_who_loses_membership_loses_the_stream(
    project: Project, live_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(api, "ACCESS_SECONDS", 0.0)
    streams.loses_it_with_membership(f"/events/projects/{project.pk}", project)


def test_a_script_listens_with_its_token(project: Project, owner: User, live_redis: Redis) -> None:
    _, secret = make_token(user=owner, name="script", scopes=["read"])

    async def scene() -> Any:
        async with listening(project, None, Authorization=f"Bearer {secret}") as page:
            return (await page.next())[0]

    assert play(scene) == "progress"


@pytest.mark.parametrize("secret", ["", "Bearer nonsense", "Basic abc", "Bearer"])
def test_who_is_not_signed_in_is_told_so(secret: str, project: Project) -> None:
    headers = {"Authorization": secret} if secret else {}
    answer = Client(headers=headers).get(f"/events/projects/{project.pk}")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_authenticated"


def test_a_token_without_the_right_to_read_is_refused(project: Project, owner: User) -> None:
    _, secret = make_token(user=owner, name="script", scopes=["label"])

    answer = Client(headers={"Authorization": f"Bearer {secret}"}).get(f"/events/projects/{project.pk}")

    assert answer.status_code == 401


def test_strangers_do_not_learn_that_there_is_a_project(project: Project) -> None:
    stranger = Client()
    stranger.force_login(User.objects.create(username="sam"))

    assert stranger.get(f"/events/projects/{project.pk}").status_code == 404
    assert stranger.get("/events/projects/999999").status_code == 404


def test_a_stream_is_only_read(project: Project, owner: User) -> None:
    client = Client()
    client.force_login(owner)
    assert client.post(f"/events/projects/{project.pk}").status_code == 405
