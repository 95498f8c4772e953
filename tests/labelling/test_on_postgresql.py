"""What queue, answers, imports and deployments promise holds on PostgreSQL too: the same tests again, over a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent
# Who may do what is the same everywhere.
SAME = [
    "tests/labelling", "tests/projects", "tests/images", "tests/fleet/test_deploying.py", "tests/fleet/test_reports.py",
    "tests/fleet/test_trials_on_a_share.py", "tests/api", "--ignore=tests/api/test_every_route.py",
]


@pytest.mark.slow
@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="this is the second run")
def test_the_same_tests_pass_on_postgresql(postgres_url: str) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", *SAME]
    environment = os.environ | {"TEST_DATABASE_URL": postgres_url}
    run = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout


@pytest.mark.django_db
def test_this_run_uses_the_database_that_it_says() -> None:
    assert connection.vendor == ("postgresql" if "TEST_DATABASE_URL" in os.environ else "sqlite")
