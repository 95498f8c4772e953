"""The one table from what is wrong in the domain to HTTP."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from annotator.projects import errors

log = logging.getLogger(__name__)

STATUS: dict[type[errors.DomainError], int] = {
    errors.Invalid: status.HTTP_400_BAD_REQUEST,
    errors.Unproven: status.HTTP_401_UNAUTHORIZED,
    errors.NotAllowed: status.HTTP_403_FORBIDDEN,
    errors.Revoked: status.HTTP_403_FORBIDDEN,
    errors.NotFound: status.HTTP_404_NOT_FOUND,
    errors.Conflict: status.HTTP_409_CONFLICT,
    errors.NotReady: status.HTTP_409_CONFLICT,
    errors.TooLarge: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyTries: status.HTTP_429_TOO_MANY_REQUESTS,
    errors.Unavailable: status.HTTP_503_SERVICE_UNAVAILABLE,
    errors.NoSpace: status.HTTP_507_INSUFFICIENT_STORAGE,
}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: {"error": {"code", "message", "field"}}; None lets a bug become a 500 and a traceback."""
    if isinstance(error, errors.DomainError):
        response = _response(STATUS[type(error)], error.code, error.message, error.field)
        if isinstance(error, errors.TooManyTries):
            response["Retry-After"] = str(int(error.wait) + 1)
        if isinstance(error, errors.Unproven) and error.now is not None:
            response.data["error"]["now"] = error.now
        return response
    if isinstance(error, exceptions.ValidationError):
        field, message = _first(error.detail)
        return _response(error.status_code, "invalid", message, field)
    if isinstance(error, Http404):
        return _response(404, "not_found", "There is no such thing here, or you may not see it.", None)
    if isinstance(error, SuspiciousOperation):
        return _response(413, "too_large", "The request has too many fields or files, or too much text: send less.", None)
    if isinstance(error, PermissionDenied):
        return _response(403, "not_allowed", "You may not do this.", None)
    if isinstance(error, exceptions.APIException):
        response = _response(error.status_code, error.default_code, _sentence(str(error.detail)), None)
        wait = getattr(error, "wait", None)
        if wait:
            response["Retry-After"] = str(int(wait) + 1)
        challenge = getattr(error, "auth_header", None)
        if challenge:
            response["WWW-Authenticate"] = challenge
        return response
    if isinstance(error, OperationalError) and "full" in str(error):
        log.error("the database cannot be written: %s", error)
        return _response(507, "no_space", "The server's disk is full; nothing was saved. Free space, then try again.", None)
    return None


def _response(code: int, name: str, message: str, field: str | None) -> Response:
    return Response({"error": {"code": name, "message": message, "field": field}}, status=code)


def _first(detail: Any, field: str | None = None) -> tuple[str | None, str]:
    """The first complaint of a validation error, with the path of its field."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        path = None if name == "non_field_errors" else f"{field}.{name}" if field else str(name)
        return _first(inner, path or field)
    if isinstance(detail, list):
        for entry in detail:
            if entry:
                return _first(entry, field)
    text = _sentence(str(detail))
    return field, f"{field}: {text}" if field else text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
