"""Who is calling: a browser with its session, or a script with a token."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from annotator.projects import tokens
from annotator.projects.models import ApiToken, User


def _not_called(request: HttpRequest) -> HttpResponse:
    raise AssertionError("the check stands alone: nothing comes after it")


# It keeps nothing of a request, so one does for all; REST framework makes one for each.
_check = authentication.CSRFCheck(_not_called)


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session, with a 401 instead of a 403 for strangers."""

    def enforce_csrf(self, request: Request) -> None:
        """Raise PermissionDenied for a request that another site may have made the browser send."""
        _check.process_request(request)
        reason = _check.process_view(request, _not_called, (), {})
        if reason:
            raise exceptions.PermissionDenied(f"CSRF Failed: {reason}")

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>`. The token's scopes are checked by `api.permissions`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        word, _, secret = header.partition(" ")
        if word.lower() != "bearer" or not secret.strip():
            raise exceptions.AuthenticationFailed("Write the header as 'Authorization: Bearer <token>'.")
        token = tokens.find(secret.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is unknown, revoked or expired: make a new one.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
