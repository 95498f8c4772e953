"""A device makes its own key, is vouched for by its workspace, and says what is wrong when its files do not fit."""

import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.home import Home, HomeProblem
from mlcore.edge.agent.identity import Identity, IdentityProblem, Workspace, keep_identity, make_key, public_pem
from mlcore.edge.agent.link import LinkProblem, Refused
from mlcore.edge.agent.versions import Version, Versions
from tests.agent.workspace import Authority


def test_the_key_is_made_once_and_for_its_owner_alone(home):
    home.make()
    key = make_key(home.key)
    assert home.key.stat().st_mode & 0o777 == 0o600
    assert public_pem(make_key(home.key)) == public_pem(key)


def test_enrolling_keeps_what_the_workspace_gave(identity, workspace, home):
    again = Identity.read(home)
    assert again.workspace == identity.workspace
    assert again.workspace.device == "device-1"
    assert list(workspace.certificates) == [identity.key_id]


def test_the_private_key_does_not_leave(identity, home):
    assert "PRIVATE" not in home.workspace.read_text() + home.certificate.read_text()


def test_a_code_works_once(identity, workspace, tmp_path):
    with pytest.raises(Refused, match="This code is not known"):
        enrol(home=Home(tmp_path / "other"), url=workspace.url, code="ABCD-EFGH", authority="", workspace_key="")


def test_who_is_enrolled_is_not_enrolled_by_accident(identity, workspace, home):
    with pytest.raises(IdentityProblem, match="enrolled already, as bench"):
        enrol(home=home, url=workspace.url, code="ABCD-EFGH", authority="", workspace_key="")


def test_enrolling_again_lets_the_version_run_on_and_counts_orders_anew(identity, workspace, home):
    running = Version("ab" * 32, 7)
    Versions(home)._write(running=running)
    workspace.codes.add("WXYZ-2345")
    enrol(home=home, url=workspace.url, code="WXYZ-2345", authority="", workspace_key="", again=True)
    state = Versions(home).state
    assert (state.running, state.serial) == (running, 0)
    assert Identity.read(home).workspace.device == "device-2"


@pytest.mark.parametrize("field", ["authority", "workspace_key"])
def test_an_answer_that_differs_from_the_pasted_line_is_refused(workspace, home, field):
    pasted = {"authority": workspace.authority.pem, "workspace_key": workspace.public_pem}
    pasted[field] = Authority().pem if field == "authority" else public_pem(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(IdentityProblem, match=f"The {field} in the workspace's answer is not the one"):
        enrol(home=home, url=workspace.url, code="ABCD-EFGH", **pasted)
    assert not home.workspace.exists()


def test_an_address_that_is_not_encrypted_is_refused(home):
    with pytest.raises(LinkProblem, match="not encrypted"):
        enrol(home=home, url="http://192.0.2.7:8000", code="ABCD-EFGH", authority="", workspace_key="")


def test_a_device_that_is_not_enrolled_says_what_to_do(home):
    with pytest.raises(IdentityProblem, match="not enrolled; paste the line"):
        Identity.read(home)


def test_the_certificate_of_another_device_is_noticed(identity, workspace, home, tmp_path):
    workspace.codes.add("WXYZ-2345")
    other = Home(tmp_path / "other")
    enrol(home=other, url=workspace.url, code="WXYZ-2345", authority="", workspace_key="")
    shutil.copy(other.certificate, home.certificate)
    with pytest.raises(IdentityProblem, match="another device's key"):
        Identity.read(home)


def test_a_certificate_of_another_authority_is_refused(workspace, home):
    home.make()
    key = make_key(home.key)
    ours = Workspace(workspace.url, "device-1", "bench", workspace.authority.pem, workspace.public_pem)
    forged = Authority().for_device(key.public_key(), "device-1")
    with pytest.raises(IdentityProblem, match="does not fit"):
        keep_identity(home=home, key=key, certificate=forged, workspace=ours)
    assert not home.workspace.exists()


@pytest.mark.parametrize("damage", ["{", json.dumps({"url": "http://127.0.0.1:1"}), json.dumps([1])])
def test_damaged_files_are_told(identity, home, damage):
    home.workspace.write_text(damage)
    with pytest.raises(IdentityProblem, match="enrol this device again"):
        Identity.read(home)


def test_two_agents_do_not_share_a_folder(home):
    with home.locked(), pytest.raises(HomeProblem, match="Another agent is at work"), home.locked():
        pass
