"""The device tells how it is and hears what it shall do, at once where a line is open, and again and again where none is."""

import threading
import time

import pytest

from mlcore.edge.agent.status import Status
from mlcore.edge.agent.stream import Stream
from mlcore.edge.agent.sync import EVERY_REVOKED, Sync
from mlcore.edge.agent.versions import State, Versions


class Changer:
    """Keeps what it was offered."""

    settings_budget = None

    def __init__(self):
        self.offered = []

    def offer(self, envelope):
        self.offered.append(envelope)


@pytest.fixture
def changer():
    return Changer()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def sync(home, link, changer, heard):
    return Sync(
        home=home, link=link, versions=Versions(home), status=Status(home.status), changer=changer, on_settings=heard.append
    )


def test_the_first_sync_tells_what_kind_of_machine_it_is_and_the_next_does_not(sync, workspace):
    sync.ask_once()
    sync.ask_once()
    first, second = workspace.syncs
    assert first["info"]["cores"] >= 1
    assert "info" not in second
    assert second["state"] == "enrolled"
    assert second["health"]["disk_free_mb"] > 0


def test_the_newest_order_is_handed_on(sync, workspace, changer):
    workspace.order = {"payload": "an order"}
    sync.ask_once()
    assert changer.offered == [{"payload": "an order"}]


def test_settings_are_applied_and_kept_for_the_next_start(sync, workspace, changer, heard, home, link):
    workspace.settings = {"privacy": "features", "latency_budget_ms": 25, "sync_seconds": 7}
    assert sync.ask_once() == 7
    assert heard == [workspace.settings]
    assert changer.settings_budget == 25
    again = []
    Sync(
        home=home, link=link, versions=Versions(home), status=Status(home.status), changer=changer, on_settings=again.append
    ).take_up_settings()
    assert again == [workspace.settings]


def test_a_device_that_never_heard_is_allowed_nothing(sync, heard):
    sync.take_up_settings()
    assert heard == [{}]


def test_a_workspace_that_is_away_is_asked_later_each_time(sync, workspace, home):
    workspace.away = True
    assert [sync.ask_once() <= longest for longest in (1, 2, 4, 8)] == [True] * 4
    workspace.away = False
    assert sync.ask_once() == 20


def test_a_revoked_device_sends_nothing_home_and_seldom_asks(sync, workspace, heard):
    workspace.settings = {"privacy": "images"}
    sync.ask_once()
    workspace.revoked = True
    assert sync.ask_once() == EVERY_REVOKED
    assert sync.revoked
    assert heard[-1]["privacy"] == "nothing"
    workspace.revoked = False
    sync.ask_once()
    assert not sync.revoked
    assert heard[-1]["privacy"] == "images"


def test_a_word_on_the_open_line_is_heard_at_once(link, workspace):
    looks, heard = [], threading.Event()

    def look():
        looks.append(time.monotonic())
        if len(looks) == 2:
            heard.set()

    stream = Stream(link, look)
    stream.start()
    while not looks:
        time.sleep(0.01)
    workspace.look.set()
    assert heard.wait(20)
    stream.stop()
    stream.join(20)
    assert not stream.is_alive()


def test_progress_is_told_now_and_then_and_its_end_always(home):
    told = []
    home.make()
    status = Status(home.status, lambda: told.append(status.report(State())["progress"]))
    status.step("downloading")
    for done in range(0, 101, 10):
        status.progress(done, 100)
    assert told[0] is None
    assert told[-1] == {"done": 100, "total": 100}
    assert len(told) <= 4


def test_a_note_is_told_beside_the_state(home):
    home.make()
    status = Status(home.status)
    status.note("work", "Port 8080 cannot be used.")
    assert (status.report(State())["state"], status.report(State())["why"]) == ("enrolled", "Port 8080 cannot be used.")
    status.note("work", "")
    assert status.report(State())["why"] == ""


def test_the_log_says_once_when_the_workspace_goes_and_comes(home):
    home.make()
    said = []
    status = Status(home.status, say=said.append)
    for _ in range(2):
        status.heard(online=False, why="it is silent")
    for _ in range(2):
        status.heard(online=True)
    status.heard(online=True, revoked=True, why="This device was revoked.")
    assert said == ["it is silent", "the workspace answers", "This device was revoked."]
