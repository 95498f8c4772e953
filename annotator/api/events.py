"""A project's events as they happen (text/event-stream): one long answer, kept open on the event loop."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from annotator.api.errors import STATUS
from annotator.api.streams import answer_stream, ask, next_event, refusal
from annotator.jobs.events import MISSED, Event, hub
from annotator.jobs.models import Job
from annotator.jobs.progress import describe
from annotator.labelling import tally
from annotator.learning import curve
from annotator.projects import access, tokens
from annotator.projects.errors import DomainError
from annotator.projects.models import User

HEARTBEAT_SECONDS = 15.0
# How long the first snapshot waits for Redis.
SNAPSHOT_SECONDS = 1.0
# A membership that is taken away closes the stream after so long at most.
ACCESS_SECONDS = 60.0
RETRY_MS = 2000
# A job that ended so lately may have ended while the page was away.
JUST_NOW = timedelta(seconds=30)


@require_GET
async def project_events(request: HttpRequest, project_id: int) -> HttpResponse | StreamingHttpResponse:
    """Progress and model as they stand, then every event of the project. 401 for strangers, 404 for non-members."""
    user = await listener(request)
    if user is None:
        return stranger()
    try:
        await ask(access.find_project, user, project_id)
    except DomainError as error:
        return refusal(STATUS[type(error)], error.code, error.message)
    return answer_stream(_stream(user, project_id))


def stranger() -> HttpResponse:
    """The answer to who is not known."""
    return refusal(401, "not_authenticated", "Sign in first, or send a token with the scope 'read'.")


async def _stream(user: User, project_id: int) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    checked = time.monotonic()
    async with hub().listen(project_id) as queue:
        # The snapshot is taken once events are heard, so that nothing falls in between; without Redis it comes all the same.
        happened: Event | None = await next_event(queue, SNAPSHOT_SECONDS) or MISSED
        while True:
            if time.monotonic() - checked >= ACCESS_SECONDS:
                checked = time.monotonic()
                if not await ask(_may_listen, user, project_id):
                    return
            if happened is None:
                yield ": still here\n\n"
            elif happened == MISSED:
                for event in await ask(_snapshot, project_id):
                    yield event.encode()
            else:
                yield happened.encode()
            happened = await next_event(queue, HEARTBEAT_SECONDS)


def _snapshot(project_id: int) -> list[Event]:
    """How the project stands: what a page that has just come, or has missed something, must know."""
    events = [Event("progress", dict(tally.progress(project_id)))]
    model = curve.serving(project_id)
    if model is not None:
        events.append(Event("model", curve.describe(model)))
    just_now = timezone.now() - JUST_NOW
    jobs = Job.objects.filter(Q(state__in=Job.OPEN) | Q(finished_at__gte=just_now), project=project_id).defer("log")
    return events + [Event("job", describe(job)) for job in jobs]


def _may_listen(user: User, project_id: int) -> bool:
    fresh = User.objects.filter(pk=user.pk, is_active=True).first()
    return fresh is not None and access.visible_projects(fresh).filter(pk=project_id).exists()


async def listener(request: HttpRequest) -> User | None:
    """Who asks for events: by a token that may read, or signed in; None for strangers."""
    header = request.headers.get("Authorization", "")
    if header:
        word, _, secret = header.partition(" ")
        token = await ask(tokens.find, secret.strip()) if word.lower() == "bearer" else None
        return token.user if token is not None and "read" in token.scopes else None
    return await ask(_signed_in, request)


def _signed_in(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated and request.user.is_active else None
