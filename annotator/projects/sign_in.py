"""Signing in with a password, with a brake: after a few wrong ones the door stays shut for a while."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone

from annotator.projects.errors import NotAllowed, TooManyTries
from annotator.projects.models import FailedSignIn, User

WINDOW = timedelta(minutes=10)
# Wrong passwords in the window: for one name from one address, from one address in all, for one name from anywhere.
MOST_HERE, MOST_FROM_ADDRESS, MOST_FOR_NAME = 5, 30, 100
WRONG = "The user name or the password is wrong: check both and try again."


def sign_in(*, request: HttpRequest, username: str, password: str, address: str | None) -> User:
    """The person with this name and password. Raises NotAllowed, and TooManyTries before it looks at the password."""
    _check_brake(username, address)
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        FailedSignIn.objects.filter(at__lt=timezone.now() - WINDOW).delete()
        FailedSignIn.objects.create(username=username[:150], address=address)
        raise NotAllowed(WRONG, field="password")
    FailedSignIn.objects.filter(username=username, address=address).delete()
    return user


def _check_brake(username: str, address: str | None) -> None:
    recent = FailedSignIn.objects.filter(at__gt=timezone.now() - WINDOW)
    tries = list(recent.order_by("-at").values_list("username", "address", "at")[:1000])
    mine = [at for name, where, at in tries if name == username and where == address]
    from_here = [at for _, where, at in tries if where == address]
    for_name = [at for name, _, at in tries if name == username]
    for times, most in ((mine, MOST_HERE), (from_here, MOST_FROM_ADDRESS), (for_name, MOST_FOR_NAME)):
        if len(times) >= most:
            wait = (times[most - 1] + WINDOW - timezone.now()).total_seconds()
            minutes = int(wait // 60) + 1
            raise TooManyTries(f"Too many wrong passwords: try again in {minutes} minutes.", wait=wait, field="password")
