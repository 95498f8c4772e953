"""A stored file as an answer, whole or in part (RFC 9110: ETag, Range, If-Range), so that a download can go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from annotator.config.file_answers import CHUNK, Part, hand_over
from annotator.projects.errors import NotFound

_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")


def stored_file(request: HttpRequest, *, name: str, size: int, sha256: str, content_type: str) -> HttpResponseBase:
    """The file `name` of storage, `size` bytes long: 200, 206 with a part, 304 or 416. Raises NotFound when it is away."""
    tag = f'"{sha256}"'
    headers = {
        "ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-transform", "X-Content-Type-Options": "nosniff",
    }
    if tag in [one.strip() for one in request.headers.get("If-None-Match", "").split(",")]:
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    status, start, length = HTTPStatus.OK, 0, size
    asked = request.headers.get("Range", "")
    if asked and request.headers.get("If-Range", tag) == tag:
        part = wanted_part(asked, size)
        if part == (0, 0):
            headers["Content-Range"] = f"bytes */{size}"
            return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        if part is not None:
            status, (start, length) = HTTPStatus.PARTIAL_CONTENT, part
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    headers |= {"Content-Type": content_type, "Content-Length": str(length)}
    return _send(request, name, start, length, status, headers)


def wanted_part(header: str, size: int) -> tuple[int, int] | None:
    """(offset, bytes) of a Range header; (0, 0) when nothing of the file lies there, None for what may be ignored."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        length = min(int(found["last"]), size)
        return (size - length, length) if length else (0, 0)
    first = int(found["first"])
    last = min(int(found["last"] or size), size - 1)
    if found["last"] and int(found["last"]) < first:
        return None
    return (first, last - first + 1) if first < size else (0, 0)


def _send(
    request: HttpRequest, name: str, start: int, length: int, status: int, headers: dict[str, str]
) -> HttpResponseBase:
    missing = NotFound("The file is missing from storage: make the bundle anew, and deploy that.")
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        path = None
    if path is not None and not path.is_file():
        raise missing
    if path is not None and hand_over(request.META, Part(path, start, length)):
        return HttpResponse(status=status, headers=headers)
    try:
        file = default_storage.open(name)
    except FileNotFoundError as error:
        raise missing from error

    def read() -> Iterator[bytes]:
        left = length
        with file:
            file.seek(start)
            while left and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    return StreamingHttpResponse(read(), status=status, headers=headers)
