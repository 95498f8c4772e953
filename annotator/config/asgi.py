"""One ASGI process: event streams stay on the event loop, everything else runs on long-lived threads.

Django's own ASGI handler gives each synchronous request a fresh thread, and with it a fresh database connection.
Requests that answer and end therefore go through Django's WSGI side on a fixed pool of threads, which keep theirs.
Devices have a listener of their own, with TLS, on which there is nothing else (`for_devices`).
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.core.asgi import get_asgi_application

from annotator.config.file_answers import sending
from annotator.config.wsgi import application as _wsgi

THREADS = 8
DEVICE_PATHS = ("/edge/", "/api/edge/")

_streams = get_asgi_application()
_requests = WSGIMiddleware(cast(Any, _wsgi), workers=THREADS)

Scope = dict[str, Any]


async def application(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Send each connection to the side that suits it."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    elif scope["type"] == "http" and scope["path"].startswith("/events/"):
        await _streams(scope, receive, send)
    elif scope["type"] == "http":
        await _requests(cast(Any, scope), receive, cast(Any, sending(scope, send)))


async def for_devices(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """The same site, reduced to what devices ask for: pages and people's API are not there."""
    if scope["type"] == "http" and not (scope["path"].startswith(DEVICE_PATHS) or scope["path"] == "/events/device"):
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"Devices alone talk to this port."})
    else:
        await application(scope, receive, send)
