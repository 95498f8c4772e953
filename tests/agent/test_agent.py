"""The agent as a process of its own, over TLS: killed at any moment it comes back with a version that answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from mlcore.edge.agent import changer as changing
from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.identity import Identity
from mlcore.edge.agent.link import Link
from mlcore.edge.command import DONE, NOT_SO, main
from tests.agent.conftest import KEY
from tests.agent.device import Device
from tests.agent.workspace import Workspace
from tests.export.tiny import jpeg

ROOT = Path(__file__).parents[2]
SOON = 60.0

# The agent, killed by the system at one place on the way from one version to the next.
DIES_AT = """
import os, signal, sys
from mlcore.edge.agent import changer, durable, main
from mlcore.edge import command
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
place = sys.argv.pop(1)
changer.prove = lambda *_, **__: {"p50_ms": 1.0}
if place == "in the swap":
    swap = main.Station.swap
    main.Station.swap = lambda station, model: die() if station.model else swap(station, model)
elif place == "writing the state":
    changer.Versions.took_over = lambda *_: (setattr(durable.Path, "replace", die), setattr(os, "replace", die),
                                             durable.write_json(sys.home.state, {"half": 1}))
elif place == "after the state":
    took_over = changer.Versions.took_over
    changer.Versions.took_over = lambda *given: (took_over(*given), die())
from mlcore.edge.agent.home import Home
from pathlib import Path
sys.home = Home(Path(sys.argv[3]))
raise SystemExit(command.main(sys.argv[1:]))
"""


@pytest.fixture
def tls(tmp_path, zips):
    with Workspace(tmp_path / "tls") as server:
        server.signing_key = KEY
        server.zips = dict(zips)
        yield server
        server.shutdown()


@pytest.fixture
def device(tls, home):
    """The name of an enrolled device that has never run anything."""
    identity = enrol(home=home, url=tls.url, code="ABCD-EFGH", authority=tls.authority.pem, workspace_key=tls.public_pem)
    return identity.workspace.device


@contextlib.contextmanager
def running(words, home):
    """An agent in a process of its own, ended with SIGTERM if it is still there."""
    log = (home.root / "agent.log").open("ab")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    options = ["agent", "--home", str(home.root), "--device", "CPU", "--port", "0"]
    with subprocess.Popen([sys.executable, *words, *options], stderr=log, env=environment, cwd=home.root) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
            log.close()


def wait(so, home):
    end = time.monotonic() + SOON
    while not so():
        assert time.monotonic() < end, (home.root / "agent.log").read_text()
        time.sleep(0.05)


def status(home):
    return json.loads(home.status.read_text()) if home.status.exists() else {}


def answer_of(home):
    request = urllib.request.Request(f"{status(home)['address']}/predict", data=jpeg("red"))
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["label"]


def test_an_order_is_carried_out_over_tls_and_survives_a_kill_and_an_outage(tls, home, device, capsys):
    tls.give_order(device, 1, budget_ms=10_000)
    with running(["-m", "mlcore.edge.command"], home) as agent:
        wait(lambda: any(sync["state"] == "running" and sync["running"] for sync in tls.syncs), home)
        told = [sync["state"] for sync in tls.syncs]
        assert tls.syncs[-1]["measured"]["agreement"] == 1.0
        assert tls.syncs[0]["info"]["devices"]
        assert told[0] == "enrolled"
        wait(lambda: status(home).get("address"), home)
        assert answer_of(home) == "red"
        assert main(["status", "--home", str(home.root)]) == DONE
        assert "serves: bundle 1, FP16 on CPU" in capsys.readouterr().out
        agent.send_signal(signal.SIGKILL)
        agent.wait()
    assert main(["status", "--home", str(home.root)]) == NOT_SO
    tls.away = True
    home.status.unlink()
    with running(["-m", "mlcore.edge.command"], home) as agent:
        wait(lambda: status(home).get("address") and status(home)["workspace"]["why"] != "not asked yet", home)
        assert answer_of(home) == "red"
        assert status(home)["workspace"]["online"] is False
        tls.away = False
        heard = len(tls.syncs)
        wait(lambda: len(tls.syncs) > heard, home)
        assert tls.syncs[-1]["running"]["number"] == 1
        agent.terminate()
        assert agent.wait(30) == 0


@pytest.mark.parametrize(("place", "serves"), [("in the swap", 1), ("writing the state", 1), ("after the state", 2)])
def test_a_kill_in_the_middle_of_a_change_leaves_a_version_that_serves(tls, home, device, monkeypatch, place, serves):
    monkeypatch.setattr(changing, "prove", lambda *_, **__: {"p50_ms": 1.0})
    monkeypatch.setattr(changing, "_TICK", 0.02)
    before = Device(home, Link(Identity.read(home)), tls)
    before.order(1)
    before.end()
    tls.give_order(device, 2)
    with running(["-c", DIES_AT, place], home) as agent:
        assert agent.wait(SOON) == -signal.SIGKILL, (home.root / "agent.log").read_text()
    after = Device(home, Link(Identity.read(home)), tls)
    assert after.serves == serves
    assert after.settle()["state"] == "running"
    assert after.serves == 2
    assert len(list(home.bundles.iterdir())) == 2
    after.end()
