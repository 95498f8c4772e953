"""`annotator createuser` and `login-link`: people are added by whoever owns the machine, and by nobody else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from annotator.cli import main
from annotator.projects.models import User
from annotator.projects.tokens import use_sign_in_link

pytestmark = pytest.mark.django_db

Annotator = Callable[..., tuple[int, str, str]]
GOOD = "a long and uncommon pass phrase"


@pytest.fixture
def annotator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Annotator:
    """Runs a command in this process; answers (exit code, what it printed, what it complained of)."""

    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setenv("ANNOTATOR_DATA", str(tmp_path))
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_person_signs_in_with_the_password_that_was_piped_in(annotator: Annotator) -> None:
    assert annotator("createuser", "kim", "--email", "kim@example.org", typed=f"{GOOD}\n") == (0, "Added user 'kim'.\n", "")
    kim = User.objects.get(username="kim")
    assert kim.check_password(GOOD)
    assert kim.email == "kim@example.org"
    assert not kim.is_superuser


def test_an_administrator_is_one(annotator: Annotator) -> None:
    annotator("createuser", "lee", "--admin", typed=GOOD)
    assert User.objects.get(username="lee").is_superuser


@pytest.mark.parametrize(
    ("words", "typed", "why"),
    [
        (["kim"], "1234", "too short"),
        (["kim"], "password123", "too common"),
        (["kim"], "", "too short"),
        (["not a name!"], GOOD, "valid username"),
        (["kim", "--email", "nowhere"], GOOD, "valid email"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nobody_is_added(
    annotator: Annotator, words: list[str], typed: str, why: str
) -> None:
    code, _, complaint = annotator("createuser", *words, typed=typed)
    assert code == 2
    assert complaint.startswith(f"annotator: '{words[0]}' was not added: ")
    assert why in complaint
    assert not User.objects.filter(username=words[0]).exists()


def test_a_name_is_taken_once(annotator: Annotator) -> None:
    annotator("createuser", "kim", "--no-password")
    code, _, complaint = annotator("createuser", "kim", "--no-password")
    assert code == 2
    assert "already exists" in complaint


def test_a_link_is_for_the_person_who_was_named(annotator: Annotator) -> None:
    annotator("createuser", "kim", "--no-password")
    code, said, _ = annotator("login-link", "kim", "--address", "https://label.example.org/")
    assert code == 0
    assert said.startswith("https://label.example.org/signin?token=")
    (token,) = parse_qs(urlparse(said.strip()).query)["token"]
    assert use_sign_in_link(token).username == "kim"


def test_a_link_without_a_name_is_the_owners_who_is_made_once(annotator: Annotator) -> None:
    annotator("login-link")
    annotator("login-link")
    (owner,) = User.objects.filter(is_superuser=True)
    assert not owner.has_usable_password()


def test_a_stranger_gets_no_link(annotator: Annotator) -> None:
    code, said, complaint = annotator("login-link", "nobody")
    assert (code, said) == (2, "")
    assert "annotator createuser nobody" in complaint
