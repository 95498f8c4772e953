"""A device talks to its own workspace alone, learns the time from it, and does not wait for ever."""

import base64
import hashlib
import socket
import ssl
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.identity import Identity
from mlcore.edge.agent.link import Link, LinkProblem, Refused, Unreachable, check_address
from mlcore.edge.agent.patience import Patience
from tests.agent.workspace import Authority, Workspace

SYNC = "/api/edge/sync"


@pytest.fixture
def tls(tmp_path):
    with Workspace(tmp_path / "tls") as server:
        yield server
        server.shutdown()


@pytest.fixture
def enrolled(tls, home) -> Identity:
    return enrol(home=home, url=tls.url, code="ABCD-EFGH", authority=tls.authority.pem, workspace_key=tls.public_pem)


def with_workspace(identity: Identity, **changes) -> Link:
    return Link(replace(identity, workspace=replace(identity.workspace, **changes)), patience=5)


def test_a_signed_request_over_tls_is_answered(enrolled, tls):
    assert "now" in Link(enrolled).ask("POST", SYNC, {"state": "enrolled"})
    assert tls.syncs == [{"state": "enrolled"}]


def test_a_server_of_another_authority_is_not_talked_to(enrolled, tls):
    with pytest.raises(Unreachable, match="not the server that this device trusts"):
        with_workspace(enrolled, authority=Authority().pem).ask("POST", SYNC, {})
    assert tls.syncs == []


def test_a_server_of_another_name_is_not_talked_to(enrolled, tls):
    url = tls.url.replace("127.0.0.1", "localhost")
    with pytest.raises(Unreachable, match="not the server that this device trusts"):
        with_workspace(enrolled, url=url).ask("POST", SYNC, {})


def test_a_pinned_key_is_trusted_whoever_signed_it(enrolled, tls):
    shown = ssl.get_server_certificate(tls.server_address[:2])
    spki = x509.load_pem_x509_certificate(shown.encode()).public_key()
    der = spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
    with_workspace(enrolled, pin=pin, authority=Authority().pem).ask("POST", SYNC, {})
    assert len(tls.syncs) == 1
    with pytest.raises(Unreachable, match="another key than the one this device trusts"):
        with_workspace(enrolled, pin=pin[::-1]).ask("POST", SYNC, {})
    assert len(tls.syncs) == 1


def test_a_device_whose_clock_is_wrong_learns_the_time(link, workspace):
    workspace.ahead = 40 * 24 * 3600
    link.ask("POST", SYNC, {})
    assert abs(link.clock_offset - workspace.ahead) < 60
    assert len(workspace.syncs) == 1


def test_another_refusal_is_told_with_its_code(link, workspace):
    workspace.revoked = True
    with pytest.raises(Refused, match="was revoked") as caught:
        link.ask("POST", SYNC, {})
    assert (caught.value.status, caught.value.code) == (403, "revoked")


def test_the_certificate_of_another_device_does_not_help(link, workspace):
    """Two devices whose certificates were swapped: the key does not fit the name, and the workspace says no."""
    workspace.certificates[link.identity.key_id] = workspace.authority.for_device(
        x509.load_pem_x509_certificate(workspace.authority.pem.encode()).public_key(), "device-2"
    )
    with pytest.raises(Refused) as caught:
        link.ask("POST", SYNC, {})
    assert caught.value.status == 401


def test_a_server_that_hangs_up_is_unreachable(link, workspace):
    workspace.away = True
    with pytest.raises(Unreachable, match="the connection was cut"):
        link.ask("POST", SYNC, {})


def test_a_server_that_is_gone_is_unreachable(link, workspace):
    workspace.shutdown()
    workspace.server_close()
    with pytest.raises(Unreachable, match="nothing listens there"):
        link.ask("POST", SYNC, {})


def test_a_silent_server_is_given_up(identity):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        link = Link(replace(identity, workspace=replace(identity.workspace, url=url)), patience=0.05)
        with pytest.raises(Unreachable, match="it is silent"):
            link.ask("POST", SYNC, {})


@pytest.mark.parametrize(
    "good", ["https://factory.example:8443", "http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost"]
)
def test_addresses_that_are_taken(good):
    assert check_address(good) == good


@pytest.mark.parametrize(
    "bad", ["http://factory.example", "ftp://127.0.0.1", "127.0.0.1:8000", "https://", "https://a:b:c", ""]
)
def test_addresses_that_are_refused(bad):
    with pytest.raises(LinkProblem):
        check_address(bad)


def test_tries_come_later_each_time_and_never_in_step():
    waits = [Patience(first=1, longest=60) for _ in range(20)]
    first = [patience.failed() for patience in waits]
    assert all(0.5 <= wait <= 1 for wait in first)
    assert len(set(first)) > 1
    later = [waits[0].failed() for _ in range(10)]
    assert 1 <= later[0] <= 2
    assert all(30 <= wait <= 60 for wait in later[-3:])
    waits[0].worked()
    assert waits[0].failed() <= 1
