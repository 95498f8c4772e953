"""What the agent sets to work when it starts, and what it tells when it cannot."""

import json
import socket

import pytest

from mlcore.edge.agent import main
from mlcore.edge.agent.main import Agent
from mlcore.edge.options import WorkOptions


@pytest.fixture
def taken():
    """A port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def status(agent):
    agent._status.save(agent._versions.state)
    return json.loads(agent.home.status.read_text())


def test_the_usual_port_gives_way_when_it_is_taken(identity, home, taken, monkeypatch):
    monkeypatch.setattr(main, "USUAL", WorkOptions(port=taken))
    agent = Agent(home)
    agent._begin_work()
    address = status(agent)["address"]
    assert address.startswith("http://127.0.0.1:")
    assert not address.endswith(f":{taken}")
    assert status(agent)["why"] == ""
    agent._work.stop()


def test_a_port_that_was_asked_for_is_waited_for_and_told(identity, home, taken, monkeypatch):
    agent = Agent(home, work=WorkOptions(port=taken))
    monkeypatch.setattr(agent._stopped, "wait", lambda seconds: agent._stopped.set())
    agent._begin_work()
    assert agent._work is None
    assert f"Port {taken} on 127.0.0.1 cannot be used" in status(agent)["why"]


def test_what_work_json_asks_for_is_done(identity, home, tmp_path):
    home.work.write_text(json.dumps({"watch": str(tmp_path / "in"), "out": str(tmp_path / "out.jsonl")}))
    agent = Agent(home)
    agent._begin_work()
    state = agent._work.state()
    assert [one["name"] for one in state["sources"]] == [f"folder {tmp_path / 'in'}"]
    assert len(state["sinks"]) == 1
    agent._work.stop()


def test_what_the_owner_allows_reaches_those_who_keep_and_count(identity, home):
    agent = Agent(home)
    agent._allow({"privacy": "features", "keep_per_hour": 3})
    assert agent._keeper.settings.privacy == "features"
    assert agent._keeper.settings.per_hour == 3
    assert agent._watch.with_features
    agent._allow({"privacy": "nothing"})
    assert not agent._watch.with_features


def test_trouble_beside_the_model_is_told(identity, home):
    agent = Agent(home)
    agent._keeper.trouble = "Hard pictures cannot be kept; make room on the disk."
    agent._look_around()
    assert "make room on the disk" in status(agent)["why"]
