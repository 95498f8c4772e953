"""Signing in and out, and one's tokens."""

from __future__ import annotations

import pytest
from django.test import Client

from annotator.projects.models import ApiToken, User
from annotator.projects.sign_in import MOST_HERE
from annotator.projects.tokens import make_sign_in_link
from tests.api.people import PASSWORD, make_user

JSON = "application/json"


@pytest.fixture
def browser(db: None) -> Client:
    """A browser that has opened the page: it has the CSRF cookie, and Django checks it."""
    client = Client(enforce_csrf_checks=True)
    assert client.get("/api/auth/csrf").status_code == 204
    client.defaults["HTTP_X_CSRFTOKEN"] = client.cookies["csrftoken"].value
    return client


def test_a_password_signs_in_and_out(browser: Client) -> None:
    make_user("anna")
    answer = browser.post("/api/auth/login", {"username": "anna", "password": PASSWORD}, content_type=JSON)
    assert answer.status_code == 200
    assert answer.json()["username"] == "anna"
    assert browser.get("/api/me").json() == answer.json()
    browser.defaults["HTTP_X_CSRFTOKEN"] = browser.cookies["csrftoken"].value
    assert browser.post("/api/auth/logout", content_type=JSON).status_code == 204
    assert browser.get("/api/me").status_code == 401


def test_a_link_signs_in_once(browser: Client) -> None:
    secret = make_sign_in_link(make_user("anna"))
    assert browser.post("/api/auth/link", {"token": secret}, content_type=JSON).status_code == 200
    again = Client(enforce_csrf_checks=True)
    again.get("/api/auth/csrf")
    refused = again.post(
        "/api/auth/link", {"token": secret}, content_type=JSON, headers={"X-CSRFToken": again.cookies["csrftoken"].value}
    )
    assert refused.status_code == 403
    assert "used" in refused.json()["error"]["message"]


def test_nobody_is_signed_in_by_a_forged_request(db: None) -> None:
    make_user("anna")
    answer = Client(enforce_csrf_checks=True).post(
        "/api/auth/login", {"username": "anna", "password": PASSWORD}, content_type=JSON
    )
    assert answer.status_code == 403
    assert "sessionid" not in answer.cookies


def test_a_new_session_id_is_given_at_sign_in(browser: Client) -> None:
    make_user("anna")
    session = browser.session
    session.save()
    browser.cookies["sessionid"] = before = session.session_key
    browser.post("/api/auth/login", {"username": "anna", "password": PASSWORD}, content_type=JSON)
    assert browser.cookies["sessionid"].value != before


def test_guessing_is_slowed_down(browser: Client) -> None:
    make_user("anna")
    for _ in range(MOST_HERE):
        wrong = browser.post("/api/auth/login", {"username": "anna", "password": "guess"}, content_type=JSON)
        assert wrong.status_code == 403
    slow = browser.post("/api/auth/login", {"username": "anna", "password": PASSWORD}, content_type=JSON)
    assert slow.status_code == 429
    assert 0 < int(slow["Retry-After"]) <= 601
    assert slow.json()["error"]["code"] == "too_many_tries"


@pytest.mark.parametrize("address", ["", "unix:", "2001:db8::1", "10.0.0.9"])
def test_any_kind_of_connection_may_try(browser: Client, address: str) -> None:
    make_user("anna")
    for password, status in (("guess", 403), (PASSWORD, 200)):
        content = {"username": "anna", "password": password}
        answer = browser.post("/api/auth/login", content, content_type=JSON, REMOTE_ADDR=address)
        assert answer.status_code == status


@pytest.mark.parametrize("field", ["username", "password"])
def test_what_is_missing_is_named(browser: Client, field: str) -> None:
    content = {"username": "a", "password": "b"}
    del content[field]
    answer = browser.post("/api/auth/login", content, content_type=JSON)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_me_says_what_i_may(db: None) -> None:
    root = User.objects.create_superuser("root")
    people = (make_user("anna"), False), (make_user("olga", may_create=True), True), (root, True)
    for user, may in people:
        client = Client()
        client.force_login(user)
        me = client.get("/api/me").json()
        assert (me["username"], me["can_create_projects"]) == (user.username, may)
        assert me["is_superuser"] == (user.username == "root")


def test_a_tokens_secret_is_shown_once(as_owner: Client) -> None:
    made = as_owner.post("/api/tokens", {"name": "script", "scopes": ["read"]}, content_type=JSON)
    assert made.status_code == 201
    secret = made.json()["token"]
    [listed] = as_owner.get("/api/tokens").json()
    assert "token" not in listed
    assert secret not in as_owner.get("/api/tokens").content.decode()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/me", headers=bearer).json()["username"] == "olga"
    assert as_owner.delete(f"/api/tokens/{listed['id']}").status_code == 204
    assert Client().get("/api/me", headers=bearer).status_code == 401


def test_somebody_elses_token_is_out_of_reach(as_owner: Client, as_annotator: Client) -> None:
    made = as_owner.post("/api/tokens", {"name": "script", "scopes": ["read"]}, content_type=JSON).json()
    assert as_annotator.get("/api/tokens").json() == []
    assert as_annotator.delete(f"/api/tokens/{made['id']}").status_code == 404
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": ""}),
        ("scopes", {"scopes": ["everything"]}),
        ("scopes", {"scopes": []}),
        ("expires_days", {"expires_days": 9999}),
    ],
)
def test_a_token_that_cannot_be_names_the_field(as_owner: Client, field: str, values: dict[str, object]) -> None:
    answer = as_owner.post("/api/tokens", {"name": "x", "scopes": ["read"]} | values, content_type=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"].partition(".")[0] == field


def test_a_header_that_is_written_wrongly_is_told(db: None) -> None:
    answer = Client().get("/api/me", headers={"Authorization": "Token abc"})
    assert answer.status_code == 401
    assert "Bearer" in answer.json()["error"]["message"]


def test_a_session_ends_when_it_is_old_forged_or_its_person_barred(as_owner: Client, owner: User) -> None:
    from datetime import timedelta

    from django.contrib.sessions.models import Session
    from django.utils import timezone

    assert as_owner.get("/api/me").status_code == 200
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert as_owner.get("/api/me").status_code == 401
    User.objects.filter(pk=owner.pk).update(is_active=True)
    assert as_owner.get("/api/me").status_code == 200
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert as_owner.get("/api/me").status_code == 401
    forged = Client()
    forged.cookies["sessionid"] = "x" * 32
    assert forged.get("/api/me").status_code == 401


def test_a_new_password_ends_all_sessions(as_owner: Client, owner: User) -> None:
    owner.set_password("another one entirely")
    owner.save()
    assert as_owner.get("/api/me").status_code == 401


def test_a_deleted_person_is_signed_out(as_annotator: Client, annotator: User) -> None:
    annotator.delete()
    assert as_annotator.get("/api/me").status_code == 401
