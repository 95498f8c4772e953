"""One site, one device, and somebody in between; each test sends bundles that none had before."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.browser.small import owner_of
from tests.docs.markdown import ROOT
from tests.hardship.asker import Asker
from tests.hardship.field import Device, Workspace
from tests.hardship.meddler import Meddler
from tests.installation import Installation
from tests.prepared import furnish

BUNDLES = 26


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A running site with a project, its owner, and bundles."""
    # Devices that were cut off look again soon.
    data = furnish(tmp_path_factory.mktemp("site"), tmp_path_factory)
    site = Installation(data, {"ANNOTATOR_DEVICE_SECONDS": "2"}).start()
    try:
        person = owner_of(site)
        environment = {
            **site.environment, "ANNOTATOR_DATA": str(site.data), "DJANGO_SETTINGS_MODULE": "annotator.config.settings"
        }
        words = [sys.executable, "-m", "tests.hardship.ready", str(BUNDLES)]
        made = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr[-3000:]
        told = json.loads(made.stdout.splitlines()[-1])
        bundles = {int(number): bundle for number, bundle in told["bundles"].items()}
        yield Workspace(person, told["project"], bundles, Meddler(site.address))
    finally:
        site.stop()


@pytest.fixture(scope="module")
def lasting(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """The device that most tests share."""
    device = Device(workspace, tmp_path_factory.mktemp("device") / "home", "Lobby")
    done = device.enrol()
    assert done.returncode == 0, done.stderr
    device.start()
    yield device
    device.stop()


@pytest.fixture
def device(lasting: Device) -> Iterator[Device]:
    """It runs, and serves a bundle, whatever happened to it before."""
    if lasting.process is None or lasting.process.poll() is not None:
        lasting.start()
    row = lasting.row
    if row["state"] != "running" or row["running"]["number"] != row["wanted"]["number"]:
        lasting.bring(lasting.workspace.next_bundle())
    yield lasting
    lasting.workspace.meddler.tricks = []


@pytest.fixture
def old(device: Device) -> int:
    """The number of the bundle that serves when the hardship begins."""
    return device.serves


@pytest.fixture
def asker(device: Device) -> Iterator[Asker]:
    """Asks the device all the time; at the end of the test no answer has failed."""
    with Asker(device.port) as asking:
        yield asking
    assert asking.failures == []
    assert asking.numbers
