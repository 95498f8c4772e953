"""The one HTML page of the front end; the browser does the rest."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

MISSING = (
    "<!doctype html><title>Edge Annotator</title><p>The front end has not been built. "
    "Run <code>make run</code>, or <code>npm run build</code> in <code>frontend/</code>.</p>"
)


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """The built index.html, never cached, so that a new build is seen at once."""
    index = settings.WEB_DIST / "index.html"
    if not index.is_file():
        return HttpResponse(MISSING, status=503)
    return HttpResponse(index.read_bytes(), headers={"Cache-Control": "no-cache"})
