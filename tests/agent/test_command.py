"""The command of a device says in a sentence what is wrong, and by its exit code whether."""

import json

import pytest

from mlcore.edge.agent.versions import Version, Versions
from mlcore.edge.command import CANNOT, DONE, NOT_SO, main
from tests.export.tiny import unpack


@pytest.fixture
def at(home):
    return ["--home", str(home.root)]


def test_a_device_is_enrolled_by_the_pasted_line(workspace, at, home, capsys):
    assert main(["enrol", "--url", workspace.url, "--code", "ABCD-EFGH", "--name", "press 4", *at]) == DONE
    assert "Enrolled as press 4" in capsys.readouterr().out
    assert main(["status", *at]) == NOT_SO
    assert "serves: nothing" in capsys.readouterr().out


def test_a_wrong_code_is_told(workspace, at, capsys):
    assert main(["enrol", "--url", workspace.url, "--code", "WRNG-CODE", *at]) == CANNOT
    assert capsys.readouterr().err == "edge-annotator: This code is not known.\n"


def test_over_a_network_the_anchors_have_to_be_given(at, capsys):
    assert main(["enrol", "--url", "https://factory.example", "--code", "ABCD-EFGH", *at]) == CANNOT
    assert "--authority and --workspace-key" in capsys.readouterr().err


def test_who_is_not_enrolled_has_no_agent(at, capsys):
    assert main(["agent", *at]) == CANNOT
    assert "paste the line" in capsys.readouterr().err


def test_one_agent_at_a_time(identity, home, at, capsys):
    with home.locked():
        assert main(["agent", *at]) == CANNOT
        assert main(["status", "--json", *at]) == DONE
    assert "Another agent is at work" in capsys.readouterr().err


def test_work_that_makes_no_sense_is_told(identity, home, at, capsys):
    home.work.write_text(json.dumps({"prot": 8080}))
    assert main(["agent", *at]) == CANNOT
    assert "There is no option 'prot'" in capsys.readouterr().err


def test_going_back_without_an_agent(identity, home, at, capsys):
    assert main(["rollback", *at]) == NOT_SO
    Versions(home)._write(running=Version("b" * 64, 2), previous=Version("a" * 64, 1))
    assert main(["rollback", *at]) == DONE
    assert "Going back to bundle 1" in capsys.readouterr().out
    assert Versions(home).state.running.number == 1


def test_going_back_with_an_agent_at_work_is_left_to_it(identity, home, at):
    Versions(home)._write(running=Version("b" * 64, 2), previous=Version("a" * 64, 1))
    with home.locked():
        assert main(["rollback", *at]) == DONE
    assert home.rollback_wish.exists()


def test_a_bundle_is_verified_by_the_workspaces_key(identity, at, zips, tmp_path, capsys):
    bundle = unpack(zips[1], tmp_path / "bundle")
    assert main(["verify", str(bundle), *at]) == DONE
    assert "as the trusted key signed it" in capsys.readouterr().out
    (bundle / "labels.json").write_text("{}")
    assert main(["verify", str(bundle), *at]) == CANNOT
    assert "labels.json is not the file that" in capsys.readouterr().err


def test_run_is_the_command_of_a_bundle(zips, tmp_path, capsys):
    bundle = unpack(zips[1], tmp_path / "bundle")
    assert main(["run", "--bundle", str(bundle), "--device", "CPU", str(bundle / "sample.jpg")]) == DONE
    assert json.loads(capsys.readouterr().out)["label"] == "red"
