"""Who you are: signing in and out, and the tokens of your scripts."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from django.contrib.auth import login, logout
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.authentication import SessionAuthentication
from annotator.api.base import by_script, display_name, parsed, person
from annotator.projects import tokens
from annotator.projects.access import note
from annotator.projects.errors import NotAllowed, NotFound
from annotator.projects.models import ApiToken, User
from annotator.projects.sessions import BACKEND
from annotator.projects.sign_in import sign_in

SESSION_ONLY = "Tokens are made and revoked in your account's page, not by another token."


class MeRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    is_superuser = serializers.BooleanField()
    can_create_projects = serializers.BooleanField()


class Password(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False)


class Link(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)


class NewToken(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    scopes = serializers.MultipleChoiceField(choices=[(scope, scope) for scope in tokens.SCOPES])
    expires_days = serializers.IntegerField(default=90)


class TokenRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    hint = serializers.CharField(help_text="Its first characters.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=[(scope, scope) for scope in tokens.SCOPES]))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class TokenMade(TokenRow):
    token = serializers.CharField(help_text="The token itself. It cannot be read again.")


class MeView(APIView):
    @extend_schema(operation_id="me", responses=MeRow)
    def get(self, request: Request) -> Response:
        """Who is asking."""
        return Response(_me(person(request)))


@method_decorator(ensure_csrf_cookie, name="dispatch")
class CsrfView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="auth_csrf", responses={204: None})
    def get(self, request: Request) -> Response:
        """Sets the cookie csrftoken, whose value every writing request of a browser sends in the header X-CSRFToken."""
        return Response(status=status.HTTP_204_NO_CONTENT)


class _SignIn(APIView):
    """Signing in is itself guarded against forged requests: nobody is signed in as somebody else unawares."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        SessionAuthentication().enforce_csrf(request)

    def let_in(self, request: Request, user: User) -> Response:
        login(request._request, user, backend=BACKEND)
        get_token(request._request)
        note(user=user, action="signed_in")
        return Response(_me(user))


class LoginView(_SignIn):
    @extend_schema(operation_id="auth_login", request=Password, responses=MeRow, auth=[])
    def post(self, request: Request) -> Response:
        """Sign in with a password. After a few wrong ones it is 429 for a while."""
        values = parsed(Password, request.data)
        return self.let_in(request, sign_in(request=request._request, address=address_of(request), **values))


class LinkView(_SignIn):
    @extend_schema(operation_id="auth_link", request=Link, responses=MeRow, auth=[])
    def post(self, request: Request) -> Response:
        """Sign in with the token of a one-time link."""
        return self.let_in(request, tokens.use_sign_in_link(parsed(Link, request.data)["token"]))


class LogoutView(APIView):
    @extend_schema(operation_id="auth_logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out."""
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokensView(APIView):
    @extend_schema(operation_id="tokens_list", responses=TokenRow(many=True))
    def get(self, request: Request) -> Response:
        """Your tokens, without the secrets."""
        return Response([_token(token) for token in ApiToken.objects.filter(user=person(request))])

    @extend_schema(operation_id="tokens_create", request=NewToken, responses={201: TokenMade})
    def post(self, request: Request) -> Response:
        """Make a token for a script. Its secret is shown this once."""
        user = _in_person(request)
        values = parsed(NewToken, request.data)
        token, secret = tokens.make_token(user=user, **(values | {"scopes": list(values["scopes"])}))
        note(user=user, action="token.made", name=token.name, scopes=token.scopes)
        return Response(_token(token) | {"token": secret}, status=status.HTTP_201_CREATED)


class TokenView(APIView):
    @extend_schema(operation_id="tokens_revoke", request=None, responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke a token: from now on it opens nothing."""
        user = _in_person(request)
        found = ApiToken.objects.filter(user=user, pk=token_id).first()
        if found is None:
            raise NotFound("You have no such token.")
        found.delete()
        note(user=user, action="token.revoked", name=found.name)
        return Response(status=status.HTTP_204_NO_CONTENT)


def address_of(request: Request) -> str | None:
    """Where the request comes from; None behind a unix socket, which has no addresses."""
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def _in_person(request: Request) -> User:
    if by_script(request):
        raise NotAllowed(SESSION_ONLY)
    return person(request)


def _me(user: User) -> dict[str, Any]:
    return {
        "id": user.pk, "username": user.username, "display_name": display_name(user), "is_superuser": user.is_superuser,
        "can_create_projects": user.has_perm("projects.add_project"),
    }


def _token(token: ApiToken) -> dict[str, Any]:
    fields = ("name", "hint", "scopes", "created_at", "expires_at", "last_used_at")
    return {"id": token.pk} | {field: getattr(token, field) for field in fields}
