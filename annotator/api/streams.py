"""What event streams share: answers that stay open on the event loop, and hold no database connection while they do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import JsonResponse, StreamingHttpResponse

from annotator.jobs.events import Event

P = ParamSpec("P")
Answer = TypeVar("Answer")


def answer_stream(lines: AsyncIterator[str]) -> StreamingHttpResponse:
    """Server-sent events as an answer."""
    stream = StreamingHttpResponse(lines, content_type="text/event-stream")
    stream["Cache-Control"] = "no-cache"
    # Tells nginx not to collect the stream into a buffer.
    stream["X-Accel-Buffering"] = "no"
    return stream


async def next_event(queue: asyncio.Queue[Event], seconds: float) -> Event | None:
    """The next event, None when none comes in time."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(queue.get(), seconds)
    return None


async def ask(question: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
    """Ask the database, and hang up: a stream lives for hours in a thread of its own, and must not hold a connection."""

    def asked() -> Answer:
        try:
            return question(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(asked)()


def refusal(status: int, code: str, message: str, **more: Any) -> JsonResponse:
    """An error as the API gives it."""
    return JsonResponse({"error": {"code": code, "message": message, "field": None, **more}}, status=status)
