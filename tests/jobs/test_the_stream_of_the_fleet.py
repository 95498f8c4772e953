"""The stream of all devices: who may listen, and of what they hear."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from redis import Redis

from annotator.api import fleet_events
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from tests.jobs.listening import Page, listening, loses_it_with_membership, play, tell

FLEET = "/events/fleet"


async def _comment(page: Page) -> bool:
    return (await page.text()).startswith(":")


def test_it_says_look_at_the_start_and_when_a_device_changes(project: Project, owner: User, live_redis: Redis) -> None:
    async def scene() -> Any:
        async with listening(FLEET, owner) as page:
            first = await page.next()
            await tell(project, "device", {"name": "Lobby"})
            return first, await page.next()

    assert play(scene) == (("look", {}), ("look", {}))


def test_labels_are_no_news_of_devices(project: Project, owner: User, live_redis: Redis) -> None:
    async def scene() -> bool:
        async with listening(FLEET, owner) as page:
            await page.next()
            await tell(project, "progress", {"labelled": 3})
            return await _comment(page)

    assert play(scene)


def test_devices_of_other_peoples_projects_are_not_heard_of(
    project: Project, live_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_events, "HEARTBEAT_SECONDS", 0.2)
    sam = User.objects.create(username="sam")
    create_project(name="Of Sam", owner=sam)

    async def scene() -> bool:
        async with listening(FLEET, sam) as page:
            await page.next()
            await tell(project, "device", {"name": "Lobby"})
            return await _comment(page) and await _comment(page)

    assert play(scene)


def test_who_loses_membership_loses_the_stream(
    project: Project, live_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_events, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(fleet_events, "ACCESS_SECONDS", 0.0)
    loses_it_with_membership(FLEET, project)


def test_strangers_are_told_to_sign_in(db: None) -> None:
    assert Client().get(FLEET).status_code == 401
