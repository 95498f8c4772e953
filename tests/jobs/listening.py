"""A page that listens to an event stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import AsyncClient

from annotator.jobs.events import publish
from annotator.projects.models import Membership, Project, User

SOON = 20.0
Scene = Callable[[], Awaitable[Any]]


def play(scene: Scene) -> Any:
    """Runs a scene with the database of this thread."""
    return async_to_sync(scene)()


class Page:
    """A page that listens: `await page.next()` is (type, data)."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.stream = stream

    async def text(self) -> str:
        """What comes next, as it was sent."""
        return (await asyncio.wait_for(anext(self.stream), SOON)).decode()

    async def next(self) -> tuple[str, Any]:
        """The next event: its type and data."""
        while True:
            text = await self.text()
            if text.startswith("event: "):
                head, data = text.strip().split("\n")
                return head.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@asynccontextmanager
async def listening(path: str, user: User | None, **headers: str) -> AsyncIterator[Page]:
    """Who opens the stream at `path` while the block lasts."""
    client = AsyncClient()
    if user is not None:
        await sync_to_async(client.force_login)(user)
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/event-stream"
    stream = aiter(answer.streaming_content)  # type: ignore[attr-defined]
    try:
        yield Page(stream)
    finally:
        await stream.aclose()


def loses_it_with_membership(path: str, project: Project) -> None:
    """A viewer listens and is removed from the project: the stream ends."""
    vera = User.objects.create(username="vera")
    membership = Membership.objects.create(project=project, user=vera, role=Membership.Role.VIEWER)

    async def scene() -> None:
        async with listening(path, vera) as page:
            await page.next()
            await sync_to_async(membership.delete)()
            with pytest.raises(StopAsyncIteration):
                while True:
                    await page.text()

    play(scene)


async def tell(project: Project, type: str, data: dict[str, Any]) -> None:
    """Something happens in a project."""
    await asyncio.to_thread(publish, project.pk, type, data)
