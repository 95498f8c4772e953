"""Wrong passwords shut the door for a while, for whoever tries them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.utils import timezone

from annotator.projects.errors import NotAllowed, TooManyTries
from annotator.projects.models import FailedSignIn, User
from annotator.projects.sign_in import MOST_FOR_NAME, MOST_FROM_ADDRESS, MOST_HERE, sign_in


@pytest.fixture(autouse=True)
def olga(db: None) -> User:
    return User.objects.create_user("olga", password="right")


def attempt(username: str = "olga", password: str | None = None, address: str = "10.0.0.1") -> User:
    return sign_in(request=HttpRequest(), username=username, password=password or "wrong", address=address)


def fail(times: int, **values: str) -> None:
    for _ in range(times):
        with pytest.raises(NotAllowed):
            attempt(**values)


def test_the_right_password_opens(olga: User) -> None:
    assert attempt(password="right") == olga


def test_after_a_few_wrong_ones_even_the_right_one_waits() -> None:
    fail(MOST_HERE)
    with pytest.raises(TooManyTries) as caught:
        attempt(password="right")
    assert 0 < caught.value.wait <= 600
    assert "10 minutes" in caught.value.message


def test_somebody_elsewhere_is_not_shut_out_by_that(olga: User) -> None:
    fail(MOST_HERE)
    assert attempt(password="right", address="10.0.0.2") == olga


def test_the_door_opens_again_after_a_while(olga: User) -> None:
    fail(MOST_HERE)
    FailedSignIn.objects.update(at=timezone.now() - timedelta(minutes=11))
    assert attempt(password="right") == olga


def test_a_success_forgets_earlier_slips(olga: User) -> None:
    fail(MOST_HERE - 1)
    attempt(password="right")
    fail(MOST_HERE - 1)
    assert attempt(password="right") == olga


def test_trying_many_names_from_one_address_is_stopped() -> None:
    for number in range(MOST_FROM_ADDRESS):
        fail(1, username=f"guess{number}")
    with pytest.raises(TooManyTries):
        attempt(password="right")


def test_trying_one_name_from_many_addresses_is_stopped() -> None:
    for number in range(MOST_FOR_NAME):
        FailedSignIn.objects.create(username="olga", address=f"10.1.0.{number}")
    with pytest.raises(TooManyTries):
        attempt(password="right", address="10.2.0.1")


def test_what_is_wrong_is_not_told_apart() -> None:
    for username in ("olga", "nobody", "x" * 150):
        with pytest.raises(NotAllowed) as caught:
            attempt(username=username)
        assert caught.value.message == "The user name or the password is wrong: check both and try again."


def test_somebody_who_was_barred_cannot_sign_in(olga: User) -> None:
    olga.is_active = False
    olga.save()
    with pytest.raises(NotAllowed):
        attempt(password="right")
