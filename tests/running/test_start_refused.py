"""What keeps it from starting is one sentence and exit code 2, never a traceback."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable

import pytest

from tests.installation import Installation

Make = Callable[..., Installation]


def sentence(refused: subprocess.CompletedProcess[str]) -> str:
    """The one line that it said."""
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout
    line = refused.stderr.removeprefix("annotator: ").strip()
    assert "\n" not in line
    return line


def up(site: Installation) -> subprocess.CompletedProcess[str]:
    return site.run("up", "--port", "0", "--no-browser")


def test_a_data_directory_that_is_a_file(installation: Make) -> None:
    site = installation()
    site.data.write_text("")
    assert "is a file, not a directory" in sentence(up(site))


def test_a_database_of_a_newer_version(installation: Make) -> None:
    site = installation()
    assert site.run("migrate").returncode == 0
    with sqlite3.connect(site.data / "db.sqlite3") as database:
        future = ("projects", "0999_future", "2030-01-01")
        database.execute("INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)", future)
    said = sentence(up(site))
    assert "was written by a newer version of Edge Annotator (it has projects.0999_future)" in said
    assert "install that version" in said


def test_a_file_that_is_no_database(installation: Make) -> None:
    site = installation()
    site.data.mkdir()
    (site.data / "db.sqlite3").write_bytes(b"anything but a database" * 100)
    assert "cannot be used (file is not a database)" in sentence(up(site))


def test_a_database_server_that_is_away(installation: Make) -> None:
    said = sentence(up(installation(DATABASE_URL="postgres://someone:secret@127.0.0.1:9/annotator")))
    assert "The database 'annotator' on 127.0.0.1 cannot be used" in said
    assert "check DATABASE_URL" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"ANNOTATOR_SECRET_KEY": "change-me"}, "ANNOTATOR_SECRET_KEY"),
        ({"ANNOTATOR_SECRET_KEY": "short"}, "ANNOTATOR_SECRET_KEY is too short"),
        ({"DATABASE_URL": "postgres://annotator:change-me@database/annotator"}, "DATABASE_URL still holds the placeholder"),
        ({"REDIS_URL": "redis://:change-me@redis:6379/0"}, "REDIS_URL still holds the placeholder"),
        ({"AWS_SECRET_ACCESS_KEY": "change-me"}, "AWS_SECRET_ACCESS_KEY still holds the placeholder"),
        ({"ANNOTATOR_HTTPS": "perhaps"}, "ANNOTATOR_HTTPS is 'perhaps': write 1 or 0."),
        ({"ANNOTATOR_MAX_FILE_MB": "ten"}, "ANNOTATOR_MAX_FILE_MB is 'ten': write a whole number."),
        ({"ANNOTATOR_HTTPS": "1", "ANNOTATOR_DEBUG": "1"}, "ANNOTATOR_DEBUG is on for a public site"),
    ],
)
def test_a_setting_that_cannot_be_taken(installation: Make, settings: dict[str, str], what: str) -> None:
    assert what in sentence(installation(**settings).run("migrate"))


def test_a_word_that_is_no_command(installation: Make) -> None:
    refused = installation().run("lable")
    assert refused.returncode == 2
    assert "invalid choice: 'lable'" in refused.stderr
