"""The example of docs/api.md is short, and does what it says against the real site."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.projects.models import Project, User
from annotator.projects.tokens import make_token
from tests.api.people import make_user
from tests.images.pictures import encoded, picture

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "api.md"


def example() -> str:
    """The first Python block."""
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_it_has_about_twenty_lines() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= 20


@pytest.mark.django_db(transaction=True)
def test_it_labels_a_whole_project(live_server, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(["cup-1", "cup-2", "glass-1", "glass-2", "glass-3"]):
        (folder / f"{name}.jpg").write_bytes(encoded(picture(number)))
    _, token = make_token(user=make_user("olga", may_create=True), name="docs", scopes=["read", "label", "manage"])
    (tmp_path / "label.py").write_text(example())
    run = subprocess.run(
        [sys.executable, tmp_path / "label.py", live_server.url, token, folder], capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
    )
    assert run.returncode == 0, run.stderr
    progress = json.loads(run.stdout.replace("'", '"'))
    assert (progress["images"], progress["labelled"], progress["unlabelled"]) == (5, 5, 0)
    project = Project.objects.get()
    assert {label.name: label.annotations.count() for label in project.labels.all()} == {"cup": 2, "glass": 3}
    assert set(project.annotations.values_list("source", flat=True)) == {"api"}
    assert User.objects.count() == 1
