"""Keys to the door: API tokens and one-time sign-in links. Only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from annotator.projects.errors import Invalid, NotAllowed
from annotator.projects.models import ApiToken, SignInLink, User

SCOPES = ("read", "label", "manage")
LONGEST = 366
LINK_LIFETIME = timedelta(days=1)
USED_RESOLUTION = timedelta(minutes=1)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def make_token(*, user: User, name: str, scopes: Sequence[str], expires_days: int = 90) -> tuple[ApiToken, str]:
    """A new token and its secret, which cannot be read again."""
    if not name.strip():
        raise Invalid("Give the token a name, so that you know it again.", field="name")
    if not scopes or any(scope not in SCOPES for scope in scopes):
        raise Invalid(f"scopes must be some of {', '.join(SCOPES)}.", field="scopes")
    if not 1 <= expires_days <= LONGEST:
        raise Invalid(f"expires_days must be from 1 to {LONGEST}.", field="expires_days")
    secret = f"ea_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        user=user, name=name.strip(), digest=_digest(secret), hint=secret[:7],
        scopes=sorted(set(scopes), key=SCOPES.index), expires_at=timezone.now() + timedelta(days=expires_days),
    )
    return token, secret


def find(secret: str) -> ApiToken | None:
    """The token behind a secret, if it still opens the door. Its last use is noted once a minute at most."""
    now = timezone.now()
    token = ApiToken.objects.select_related("user").filter(digest=_digest(secret), expires_at__gt=now).first()
    if token is None or not token.user.is_active:
        return None
    if token.last_used_at is None or now - token.last_used_at > USED_RESOLUTION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def make_sign_in_link(user: User) -> str:
    """The secret of a link that signs `user` in once, within a day."""
    secret = secrets.token_urlsafe(24)
    SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
    SignInLink.objects.create(user=user, digest=_digest(secret), expires_at=timezone.now() + LINK_LIFETIME)
    return secret


def use_sign_in_link(secret: str) -> User:
    """The person whom a link signs in; the link is spent."""
    now = timezone.now()
    mine = SignInLink.objects.filter(digest=_digest(secret), used_at=None, expires_at__gt=now, user__is_active=True)
    link = mine.select_related("user").first()
    # The update decides: of two that come at once, one changes the row.
    if link is None or not mine.update(used_at=now):
        raise NotAllowed("This sign-in link has been used or is too old: run 'annotator login-link' for a new one.")
    return link.user


def owner() -> User:
    """The first superuser, made on a new install, for whom `annotator up` prints a link."""
    found = User.objects.filter(is_superuser=True, is_active=True).order_by("id").first()
    if found is not None:
        return found
    user = User(username="owner", is_staff=True, is_superuser=True)
    user.set_unusable_password()
    user.save()
    return user
