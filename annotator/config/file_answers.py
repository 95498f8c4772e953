"""Large files leave from the event loop: a slow line must not hold one of the few threads that answer requests.

A view hands a part of a file over and answers with headers alone; `sending` puts the bytes behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = 1 << 18
_KEY = "annotator.file"

Scope = dict[str, Any]
Send = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True)
class Part:
    """So many bytes of a file, from an offset on."""

    path: Path
    start: int
    length: int


def hand_over(environ: dict[str, Any], part: Part) -> bool:
    """Let the event loop send the part after the headers of this request's answer; False when no event loop is there."""
    scope = environ.get("asgi.scope")
    if not isinstance(scope, dict):
        return False
    scope[_KEY] = part
    return True


def sending(scope: Scope, send: Send) -> Send:
    """`send` of an ASGI application, which puts the part that was handed over in place of an empty body."""

    async def forward(message: Any) -> None:
        part = scope.get(_KEY)
        if part is None or message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body"):
            await _send(part, send)

    return forward


async def _send(part: Part, send: Send) -> None:
    left = part.length
    file = await asyncio.to_thread(part.path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, part.start)
        while left and (chunk := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        file.close()
    await send({"type": "http.response.body", "body": b""})
