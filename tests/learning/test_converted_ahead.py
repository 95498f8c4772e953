"""The bulk worker has networks converted before the first images come, and the other workers leave it to that one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from annotator.learning import ahead
from tests.learning.world import World


class Started:
    """Stands for the process."""

    returncode = 0

    def __init__(self, words: list[str], **_: Any) -> None:
        self.words, self.ended = words, False

    def communicate(self) -> tuple[None, str]:
        return None, ""

    def terminate(self) -> None:
        self.ended = True


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """What `ahead` has started."""
    made: list[Started] = []
    monkeypatch.setattr(ahead, "_under_way", made)
    monkeypatch.setattr(ahead.subprocess, "Popen", Started)
    # Whoever runs the tests has a database connection to keep.
    monkeypatch.setattr(ahead.connection, "close", lambda: None)
    return made


@pytest.mark.django_db
@pytest.mark.parametrize(("worker", "does"), [("bulk@here", True), ("bulk-train@here", True), ("learn@here", False)])
def test_only_the_bulk_worker_sees_to_it(worker: str, does: bool, started: list[Started]) -> None:
    ahead._begin(SimpleNamespace(hostname=worker))
    assert bool(started) is does
    ahead._finish()
    assert all(process.ended for process in started)


@pytest.mark.django_db
def test_the_networks_of_all_projects_are_asked_for(started: list[Started], settings: Any, world: World) -> None:
    type(world.project).objects.filter(pk=world.project.pk).update(backbone="mobilenetv2")
    words = ahead.convert_ahead().words
    assert words[1:3] == ["-m", "mlcore.backbones"]
    assert words[-1] == "mobilenetv2"
    assert str(settings.DATA_DIR / "ir") in words
