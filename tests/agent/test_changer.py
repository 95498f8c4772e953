"""From one version to the next: whatever goes wrong, the old one goes on answering and a sentence says why."""

import contextlib
import shutil
import threading
import zipfile

import pytest

from mlcore.edge.agent import changer as changing
from mlcore.edge.agent.prove import TrialFailed
from mlcore.edge.manifest import Manifest
from mlcore.edge.runtime import InferenceFailed, Model
from tests.agent.device import RED, Device


@pytest.fixture(autouse=True)
def trial(monkeypatch):
    """A trial that takes no time; `how` may raise or tell otherwise."""

    class Trial:
        how = staticmethod(lambda: {"p50_ms": 1.0})
        asked = 0

    def prove(folder, **options):
        Trial.asked += 1
        return {**Trial.how(), "budget_ms": options["budget_ms"]}

    monkeypatch.setattr(changing, "prove", prove)
    monkeypatch.setattr(changing, "_TICK", 0.02)
    return Trial


@pytest.fixture(scope="module")
def compiled():
    """Models by their numbers."""
    return {}


@pytest.fixture(autouse=True)
def quick_model(monkeypatch, compiled):
    """Compile each bundle once: what lies in the folder has been proven before."""

    def model(folder, precision, device):
        number = Manifest.read(folder).number
        if number not in compiled:
            compiled[number] = Model(folder, precision, device)
        return compiled[number]

    monkeypatch.setattr(changing, "Model", model)


@pytest.fixture
def device(home, link, workspace):
    device = Device(home, link, workspace)
    yield device
    device.end()


@pytest.fixture
def at_two(device):
    """A device on which bundle 2 serves and bundle 1 did before."""
    device.order(1)
    device.order(2)
    return device


def test_the_first_bundle_comes_is_tried_and_serves(device):
    report = device.order(1, budget_ms=50)
    assert report["state"] == "running"
    assert report["running"]["number"] == 1
    assert report["running"]["precision"] == "FP16"
    assert report["measured"] == {"p50_ms": 1.0, "budget_ms": 50}
    assert device.serves == 1
    assert device.begun == [1]


def test_the_next_one_takes_over_and_the_one_before_stays_for_going_back(at_two, home):
    assert at_two.serves == 2
    assert at_two.report()["previous"] == 1
    assert len(list(home.bundles.iterdir())) == 2
    assert list(home.downloads.iterdir()) == []


def test_no_answer_is_lost_while_one_takes_over(device):
    device.order(1)
    answered, done = [], threading.Event()

    def ask():
        while not done.is_set():
            answered.append(device.serves)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    device.order(2)
    device.wait(lambda: answered[-1] == 2)
    done.set()
    for asker in askers:
        asker.join()
    assert set(answered) == {1, 2}
    assert answered.index(2) > 0


def test_going_back_when_ordered_fetches_nothing(at_two, workspace):
    workspace.ranges.clear()
    report = at_two.order(1, rollback=True)
    assert (report["state"], at_two.serves, report["previous"]) == ("running", 1, 2)
    assert workspace.ranges == []


def test_an_older_bundle_is_refused_unless_going_back_is_ordered(at_two):
    report = at_two.order(1)
    assert report["state"] == "failed"
    assert "Bundle 1 is older than bundle 2" in report["why"]
    assert at_two.serves == 2


def test_an_order_that_comes_again_changes_nothing(at_two, trial):
    at_two.changer.offer(at_two.workspace.order)
    assert at_two.settle()["state"] == "running"
    assert trial.asked == 2


def test_a_replayed_order_is_refused_until_the_workspace_is_itself_again(at_two):
    newest = at_two.workspace.order
    at_two.workspace.serial = 0
    at_two.changer.offer(at_two.workspace.give_order(at_two.link.identity.workspace.device, 1, rollback=True))
    report = at_two.report()
    assert (report["state"], report["order"], at_two.serves) == ("failed", 2, 2)
    assert "An old order was refused" in report["why"]
    at_two.changer.offer(newest)
    assert at_two.report()["state"] == "running"


def test_the_order_of_another_device_is_refused(at_two):
    at_two.changer.offer(at_two.workspace.give_order("device-2", 3))
    report = at_two.report()
    assert (report["state"], at_two.serves) == ("failed", 2)
    assert "for the device device-2" in report["why"]


def test_a_bundle_that_fails_its_trial_is_deleted(at_two, trial, home):
    def crash():
        raise TrialFailed("The new model's trial crashed (SIGSEGV).")

    trial.how = crash
    report = at_two.order(3)
    assert report["state"] == "failed"
    assert report["why"] == "Bundle 3 was refused: The new model's trial crashed (SIGSEGV)."
    assert (report["order"], report["running"]["number"], at_two.serves) == (3, 2, 2)
    at_two.wait(lambda: len(list(home.bundles.iterdir())) == 2)


def test_a_bundle_that_ended_the_agent_three_times_is_not_tried_again(at_two, trial):
    at_two.end()

    class PowerCut(BaseException):
        pass

    def cut():
        raise PowerCut

    trial.how = cut
    at_two.start()
    at_two.changer.offer(at_two.workspace.give_order(at_two.link.identity.workspace.device, 3))
    for _ in range(changing.MOST_TRIALS):
        with contextlib.suppress(PowerCut):
            at_two.changer._carry_out(at_two.versions.state.pending)
        assert at_two.versions.state.pending
        at_two.start()
        assert at_two.serves == 2
    report = at_two.settle()
    assert report["state"] == "failed"
    assert "ended its trial or the whole agent 3 times" in report["why"]


def test_a_bundle_of_another_signer_is_refused(at_two, workspace, tmp_path):
    """The order is good, and so is the SHA-256: what lies in the zip was not signed by the workspace."""
    forged = tmp_path / "forged.zip"
    shutil.copy(workspace.zips[3], forged)
    with zipfile.ZipFile(forged, "a") as archive:
        archive.writestr("extra.py", "print('hello')")
    workspace.zips[3] = forged
    report = at_two.order(3)
    assert report["state"] == "failed"
    assert "extra.py was added to the signed bundle" in report["why"]
    assert at_two.serves == 2


def test_a_full_disk_leaves_the_old_version_and_nothing_of_the_new(at_two, full_disk, home):
    full_disk(after=2000)
    report = at_two.order(3)
    assert report["state"] == "failed"
    assert "disk is full; free some space there, then deploy again" in report["why"]
    assert at_two.serves == 2
    at_two.wait(lambda: list(home.downloads.iterdir()) == [])
    assert len(list(home.bundles.iterdir())) == 2


def test_a_disk_that_is_too_full_for_the_state_takes_nothing_over(at_two, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(at_two.versions, "took_over", full)
    report = at_two.order(3)
    assert report["state"] == "failed"
    assert "disk is full" in report["why"]
    assert at_two.serves == 2


def test_a_newer_order_ends_the_wait_for_an_older_one(device, workspace):
    device.order(1)
    workspace.cuts = [100] * 1000
    device.changer.offer(workspace.give_order(device.link.identity.workspace.device, 2))
    device.wait(lambda: "cut" in device.report()["why"])
    assert device.report()["state"] == "downloading"
    workspace.cuts = []
    assert device.order(3)["state"] == "running"
    assert device.serves == 3


def test_an_order_that_is_withdrawn_is_left(at_two, workspace, home):
    workspace.cuts = [100] * 1000
    at_two.changer.offer(workspace.give_order(at_two.link.identity.workspace.device, 3))
    at_two.wait(lambda: at_two.report()["state"] == "downloading" and "cut" in at_two.report()["why"])
    at_two.changer.offer(None)
    assert at_two.settle()["state"] == "running"
    assert (at_two.serves, at_two.report()["why"]) == (2, "")
    at_two.wait(lambda: list(home.downloads.iterdir()) == [])


def test_the_order_that_runs_already_is_done_at_once(at_two, trial):
    report = at_two.order(2)
    assert (report["state"], report["order"]) == ("running", 3)
    assert trial.asked == 2


def test_a_version_that_fails_in_its_first_minute_goes_back_by_itself(at_two, monkeypatch):
    at_two.order(3)
    failing = at_two.station.model

    def fail(*_, **__):
        raise InferenceFailed("the accelerator is gone")

    monkeypatch.setattr(failing, "infer", fail)
    for _ in range(3):
        with pytest.raises(InferenceFailed):
            at_two.station.answer(RED)
    at_two.wait(lambda: at_two.station.model is not failing)
    at_two.wait(lambda: at_two.report()["state"] == "failed")
    report = at_two.report()
    assert "Bundle 3 was taken back in its first minute: it failed on 3 of its first 3 pictures" in report["why"]
    assert (at_two.serves, report["previous"]) == (2, None)


def test_after_its_first_minute_a_version_is_proven(home, link, workspace):
    device = Device(home, link, workspace, watch_seconds=0.0)
    device.order(1)
    device.wait(lambda: device.versions.state.starts is None)
    device.end()


def test_a_wish_at_the_device_goes_back(at_two, home):
    home.rollback_wish.touch()
    at_two.wait(lambda: at_two.station.model.number == 1)
    at_two.wait(lambda: at_two.report()["why"] == "Rolled back at the device.")
    at_two.changer.offer(at_two.workspace.order)
    assert at_two.settle()["state"] == "running"
    assert at_two.serves == 1
    assert not home.rollback_wish.exists()


def test_after_a_boot_the_version_serves_before_anything_else(at_two, workspace):
    at_two.end()
    workspace.away = True
    at_two.start()
    assert at_two.serves == 2


def test_a_version_that_rotted_on_the_disk_gives_way_and_is_fetched_again(at_two, home):
    at_two.end()
    folder = at_two.versions.folder(at_two.versions.state.running.sha256)
    (folder / "fp16" / "model.bin").write_bytes(b"rot")
    at_two.start()
    assert at_two.serves == 1
    assert at_two.settle()["state"] == "running"
    assert at_two.serves == 2


def test_a_version_that_ends_the_agent_again_and_again_is_taken_back(at_two):
    at_two.end()
    for _ in range(changing.MOST_STARTS):
        at_two.start()
        assert at_two.serves == 2
    at_two.start()
    assert at_two.serves == 1
    report = at_two.report()
    assert report["state"] == "failed"
    assert "the agent ended 3 times in its first minute" in report["why"]


def test_a_device_without_a_version_before_serves_on(device, home):
    device.order(1)
    home.rollback_wish.touch()
    device.wait(lambda: device.report()["state"] == "failed")
    assert "There is no version before" in device.report()["why"]
    assert device.serves == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_the_runtime_is_told_and_the_version_serves_on(at_two, trial):
    trial.how = lambda: 1 / 0
    at_two.changer.offer(at_two.workspace.give_order(at_two.link.identity.workspace.device, 3))
    at_two.changer.join(20)
    at_two.versions.settle(at_two.versions.state.order, "done")
    report = at_two.report()
    assert report["state"] == "failed"
    assert "An error of this runtime keeps it from carrying out orders" in report["why"]
    assert at_two.serves == 2
