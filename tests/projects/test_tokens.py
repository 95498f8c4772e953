"""Tokens open what they were made for, until they are revoked or too old; links open once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.projects.errors import Invalid, NotAllowed
from annotator.projects.models import ApiToken, SignInLink, User
from annotator.projects.tokens import find, make_sign_in_link, make_token, use_sign_in_link


@pytest.fixture
def olga(db: None) -> User:
    return User.objects.create_user("olga")


def test_only_a_hash_is_kept(olga: User) -> None:
    token, secret = make_token(user=olga, name="script", scopes=["label", "read"])
    assert find(secret) == token
    assert token.scopes == ["read", "label"]
    assert secret not in str(ApiToken.objects.values().get())
    assert find(secret + "x") is None


def test_it_ends(olga: User) -> None:
    token, secret = make_token(user=olga, name="script", scopes=["read"])
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert find(secret) is None


def test_it_ends_with_its_owner(olga: User) -> None:
    _, secret = make_token(user=olga, name="script", scopes=["read"])
    User.objects.update(is_active=False)
    assert find(secret) is None


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["all"]}),
        ("expires_days", {"expires_days": 0}),
        ("expires_days", {"expires_days": 1000}),
    ],
)
def test_bad_wishes_name_the_field(olga: User, field: str, values: dict) -> None:
    with pytest.raises(Invalid) as caught:
        make_token(**{"user": olga, "name": "script", "scopes": ["read"]} | values)
    assert caught.value.field == field


def test_a_link_opens_once(olga: User) -> None:
    secret = make_sign_in_link(olga)
    assert use_sign_in_link(secret) == olga
    with pytest.raises(NotAllowed):
        use_sign_in_link(secret)


def test_a_link_ends(olga: User) -> None:
    secret = make_sign_in_link(olga)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotAllowed):
        use_sign_in_link(secret)
