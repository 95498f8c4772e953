"""The line that a device keeps open (text/event-stream): it says when there is something new, and then the device asks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from annotator.api.device_caller import signed
from annotator.api.errors import STATUS
from annotator.api.streams import answer_stream, ask, next_event, refusal
from annotator.delivery.models import Device
from annotator.delivery.requests import proven_device
from annotator.jobs.events import Event, device_topic, hub
from annotator.projects.errors import DomainError, Unproven

HEARTBEAT_SECONDS = 15.0
# A device that is revoked loses its line after so long at most.
ACCESS_SECONDS = 60.0
RETRY_MS = 2000
LOOK = Event("look")


@require_GET
async def device_events(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """`look` at the start, after a gap, and whenever something is new. 401 for who proves nothing, 403 when revoked."""
    try:
        device = await ask(proven_device, signed(request))
    except DomainError as error:
        more = {"now": error.now} if isinstance(error, Unproven) and error.now is not None else {}
        return refusal(STATUS[type(error)], error.code, error.message, **more)
    return answer_stream(_stream(device.pk))


async def _stream(device_id: UUID) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    checked = time.monotonic()
    async with hub().listen(device_topic(device_id)) as queue:
        while True:
            happened = await next_event(queue, HEARTBEAT_SECONDS)
            if time.monotonic() - checked >= ACCESS_SECONDS:
                checked = time.monotonic()
                if not await ask(_may_listen, device_id):
                    return
            yield ": still here\n\n" if happened is None else LOOK.encode()


def _may_listen(device_id: UUID) -> bool:
    return Device.objects.filter(pk=device_id, revoked_at=None, project__archived_at=None).exists()
