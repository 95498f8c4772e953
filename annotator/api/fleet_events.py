"""News of all devices that one may see (text/event-stream): it says that there is something new, and then the page asks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from annotator.api.events import ACCESS_SECONDS, HEARTBEAT_SECONDS, RETRY_MS, listener, stranger
from annotator.api.streams import answer_stream, ask, next_event
from annotator.jobs.events import MISSED, Event, hub
from annotator.projects.access import visible_projects
from annotator.projects.models import User

LOOK = Event("look")
TOLD = {"device", "deployment", "alert", MISSED.type}


@require_GET
async def fleet_events(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """`look` first, after a gap, and when a device, deployment or alert of one's projects changes; 401 for strangers."""
    user = await listener(request)
    return stranger() if user is None else answer_stream(_stream(user))


async def _stream(user: User) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    projects, checked = await ask(_visible, user), time.monotonic()
    async with hub().listen(*projects) as queue:
        while True:
            happened = await next_event(queue, HEARTBEAT_SECONDS)
            if time.monotonic() - checked >= ACCESS_SECONDS:
                checked = time.monotonic()
                # The page comes back at once, and then hears of what it may know of now.
                if await ask(_visible, user) != projects:
                    return
            yield LOOK.encode() if happened is not None and happened.type in TOLD else ": still here\n\n"


def _visible(user: User) -> list[int]:
    fresh = User.objects.filter(pk=user.pk, is_active=True).first()
    return [] if fresh is None else list(visible_projects(fresh).order_by("pk").values_list("pk", flat=True))
