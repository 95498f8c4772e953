"""What dies while the site runs comes back by itself, and work goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, wait_until
from tests.person import Person

pytestmark = pytest.mark.slow

Make = Callable[..., Installation]


def signed_in(site: Installation) -> Person:
    person = Person(site.address)
    assert person.sign_in(site.token)[0] == 200
    return person


def progress(person: Person) -> dict[str, Any]:
    """Of the one project."""
    answer: dict[str, Any] = person.get("projects")[1][0]["progress"]
    return answer


def test_killed_processes_come_back_and_it_is_said(installation: Make) -> None:
    site = installation(prepared=True).start()
    site.wait_until_healthy()
    killed = {words: site.find(*words) for words in [("worker", "learn"), ("worker", "bulk,train"), ("web",)]}
    for process in killed.values():
        process.kill()
    for name in ("learn", "bulk", "web"):
        sentence = f"The {name} process stopped (killed by SIGKILL); starting it again in 0.5 s."
        wait_until(lambda sentence=sentence: sentence in site.said, sentence)
    for words, process in killed.items():
        wait_until(lambda words=words, old=process.pid: _pid(site, *words) not in (None, old), f"a new {words}")
    site.wait_until_healthy()


def test_images_that_came_while_the_site_was_down_get_their_features(installation: Make, some_photos: Path) -> None:
    site = installation(prepared=True)
    imported = site.run("import", "toys", str(some_photos), "--labels", "folder")
    assert "12 images stored in 'toys'" in imported.stdout, imported.stderr
    site.start()
    person = signed_in(site)
    wait_until(lambda: progress(person)["featured"] == 12, "the features")


def test_redis_dies_and_work_goes_on(installation: Make, some_photos: Path) -> None:
    site = installation(prepared=True).start()
    site.wait_until_healthy()
    person = signed_in(site)
    site.redis().kill()
    wait_until(lambda: "The redis process stopped" in site.said, "the sentence")
    # Just now, with Redis away or hardly back, somebody imports: nothing may be lost, and the workers must hear of it.
    assert "12 images stored" in site.run("import", "toys", str(some_photos), "--labels", "folder").stdout
    site.wait_until_healthy()
    wait_until(lambda: progress(person)["featured"] == 12, "the features")


def test_health_says_what_is_missing(installation: Make) -> None:
    site = installation(prepared=True, REDIS_URL="redis://127.0.0.1:9/0").start()
    status, answer = site.health()
    assert status == 503
    assert answer == {
        "status": "down", "database": "ok", "redis": "down", "workers": {"learn": "down", "bulk": "down", "train": "down"}
    }


def _pid(site: Installation, *words: str) -> int | None:
    try:
        return site.find(*words).pid
    except LookupError:
        return None
