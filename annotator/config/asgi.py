"""One ASGI process: event streams stay on the event loop, everything else runs on long-lived threads.

Django's own ASGI handler gives each synchronous request a fresh thread, and with it a fresh database connection.
Requests that answer and end therefore go through Django's WSGI side on a fixed pool of threads, which keep theirs.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.core.asgi import get_asgi_application

from annotator.config.wsgi import application as _wsgi

THREADS = 8

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
        await _requests(cast(Any, scope), receive, send)
