"""The real web process with its listener for devices: who gets in there, what is there, and eight devices at once."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from annotator.supervisor.listen import address_for_others, host_and_port, listen
from annotator.supervisor.machine import READY
from annotator.supervisor.refusal import Refusal
from mlcore.edge.agent.identity import Identity, Workspace, public_pem, unenrolled
from mlcore.edge.agent.link import Link, Refused, Unreachable
from mlcore.edge.agent.orders import Order, read_order
from mlcore.edge.message_signature import certificate_id
from tests.fleet.small_device import new_key
from tests.labelling.beside import call, running

pytestmark = pytest.mark.slow

DEVICES = 8
# And one that is revoked.
CODES = DEVICES + 1


@dataclass
class Site:
    """A site that runs: its ports, what it trusts, and what was made in it."""

    plain: int
    tls: int
    folder: Path
    authority: str
    made: dict[str, Any]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.tls}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the owner's script gets at the plain port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=60)
        headers = {"Authorization": f"Bearer {self.made['token']}", "Content-Type": "application/json"}
        connection.request(method, f"/api/projects/{self.made['project']}/{path}", json.dumps(body or {}), headers)
        response = connection.getresponse()
        content = response.read()
        assert response.status < HTTPStatus.BAD_REQUEST, content
        return json.loads(content) if content else None

    def status(self, path: str, *, authority: str | None = None) -> int:
        """At the port for devices, without a signature."""
        context = ssl.create_default_context(cadata=authority or self.authority)
        connection = http.client.HTTPSConnection("127.0.0.1", self.tls, timeout=60, context=context)
        connection.request("GET", path)
        return connection.getresponse().status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Site]:
    """One site for all tests of this file, with codes for nine devices."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {
        "ANNOTATOR_DATA": str(folder), "REDIS_URL": redis_url, "DJANGO_SETTINGS_MODULE": "annotator.config.settings",
    }
    made = json.loads(call(environment, "-m", "tests.fleet.fill", str(CODES)))
    plain, tls = free_port(), free_port()
    words = ["web", "--port", str(plain), "--tls-port", str(tls), "--tls-host", "127.0.0.1"]
    with running(environment, "-m", "annotator.cli", *words) as process:
        assert process.stdout is not None
        assert READY in process.stdout.readline().decode(), "the web process did not start"
        yield Site(plain, tls, folder, (folder / "keys" / "authority.crt").read_text(), made)
    assert process.returncode == -15, "it ends when it is told to"


class Gate:
    """A device with the real link of a real agent."""

    def __init__(self, site: Site, code: str) -> None:
        key = new_key()
        nobody = Workspace(url=site.url, device="", name="", authority=site.authority, workspace_key="")
        given = Link(unenrolled(key, nobody)).ask(
            "POST", "/api/edge/enrol", {"code": code, "public_key": public_pem(key), "name": "x", "info": {}}
        )
        mine = Workspace(site.url, given["device"], given["name"], given["authority"], given["workspace_key"])
        self.link = Link(Identity(key, certificate_id(given["certificate"]), mine))
        self.looked = threading.Event()
        self.listening = threading.Event()

    def sync(self, state: str, **more: Any) -> dict[str, Any]:
        return self.link.ask("POST", "/api/edge/sync", {"state": state, **more})

    def listen(self) -> None:
        """Wait on the open line until it says to look."""
        with self.link.open("GET", "/events/device", patience=60) as reply:
            looks = 0
            while looks < 2:
                looks += reply.line().strip() == b"event: look"
                # The first comes with the line itself.
                self.listening.set()
            self.looked.set()

    def order(self) -> Order:
        workspace = self.link.identity.workspace
        envelope = self.sync("running")["order"]
        return read_order(envelope, workspace_key=workspace.workspace_key, device=workspace.device)

    def carry_out(self) -> str:
        """Download in two parts, as after a cut; report each step; the SHA-256 of what came."""
        order = self.order()
        took = {"order": order.serial}
        self.sync("downloading", progress={"done": 0, "total": order.size}, **took)
        path = f"/api/edge/bundles/{order.number}"
        with self.link.open("GET", path) as reply:
            assert (reply.status, reply.headers["ETag"]) == (HTTPStatus.OK, f'"{order.sha256}"')
            data = reply.read(100_000)
        with self.link.open("GET", path, headers={"Range": f"bytes={len(data)}-", "If-Range": f'"{order.sha256}"'}) as reply:
            assert reply.status == HTTPStatus.PARTIAL_CONTENT
            while more := reply.read(1 << 18):
                data += more
        for state in ("verifying", "trying"):
            self.sync(state, **took)
        runs = {"number": order.number, "sha256": order.sha256, "precision": "INT8", "device": "CPU"}
        self.sync("running", running=runs, **took)
        assert len(data) == order.size
        return hashlib.sha256(data).hexdigest()


def test_eight_devices_come_in_listen_and_follow_at_once(site: Site) -> None:
    with ThreadPoolExecutor(2 * DEVICES) as pool:
        gates = list(pool.map(partial(Gate, site), site.made["codes"][:DEVICES]))
        lines = [pool.submit(gate.listen) for gate in gates]
        assert all(gate.listening.wait(60) for gate in gates)
        asked = {"bundle": site.made["bundle"], "target": "all"}
        deployment = site.ask("POST", "deployments", asked)
        assert [line.result(60) for line in lines] == [None] * DEVICES, "each heard that there is something to look at"
        got = list(pool.map(Gate.carry_out, gates))
    assert len(set(got)) == 1
    after = site.ask("GET", f"deployments/{deployment['id']}")
    assert (after["state"], {one["state"] for one in after["deliveries"]}) == ("done", {"running"})
    rows = site.ask("GET", "devices")["devices"]
    assert [(row["name"], row["state"], row["running"]["number"]) for row in rows] == [
        (f"gate {number}", "running", 1) for number in range(DEVICES)
    ]


def test_a_revoked_device_gets_no_line_either(site: Site) -> None:
    gate = Gate(site, site.made["codes"][-1])
    site.ask("DELETE", f"devices/{gate.link.identity.workspace.device}")
    for method, path in (("GET", "/events/device"), ("POST", "/api/edge/sync")):
        with pytest.raises(Refused) as refused, gate.link.open(method, path):
            pass
        assert refused.value.code == "revoked"


def test_devices_alone_are_served_there(site: Site) -> None:
    for path in ("/", "/signin", "/admin/", "/api/me", "/api/projects", "/api/docs/", "/healthz", "/events/projects/1"):
        assert site.status(path) == HTTPStatus.NOT_FOUND, path
    assert [site.status(path) for path in ("/edge/install.sh", "/events/device", "/api/edge/bundles/1")] == [200, 401, 401]


def test_the_site_itself_is_where_it_was(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=60)
    connection.request("GET", "/api/me")
    assert connection.getresponse().status == HTTPStatus.UNAUTHORIZED


def test_a_client_with_another_authority_turns_away(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    from annotator.delivery.keys import authority_pem

    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    other = authority_pem()
    with pytest.raises(ssl.SSLCertVerificationError):
        site.status("/edge/install.sh", authority=other)
    astray = Workspace(url=site.url, device="", name="", authority=other, workspace_key="")
    with pytest.raises(Unreachable, match="not the server that this device trusts"):
        Link(unenrolled(new_key(), astray)).ask("POST", "/api/edge/enrol", {})


def test_plain_http_gets_nothing_there(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.tls, timeout=60)
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.request("GET", "/edge/install.sh")
        connection.getresponse()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8443", ("0.0.0.0", 8443)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:8443", ("::1", 8443))],
)
def test_where_to_listen_is_read_as_people_write_it(text: str, expected: tuple[str, int]) -> None:
    assert host_and_port(text, "--devices") == expected


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1", "::1:8443", "8443:"])
def test_what_is_no_port_is_refused_by_the_option_s_name(text: str) -> None:
    with pytest.raises(Refusal, match="--devices"):
        host_and_port(text, "--devices")


def test_a_port_that_is_in_use_is_said_with_the_option_that_changes_it() -> None:
    with listen("127.0.0.1", 0) as taken:
        assert address_for_others("127.0.0.1", taken) == f"https://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Refusal, match="in use: choose another with --devices"):
            listen("127.0.0.1", taken.getsockname()[1], host_option="--devices", port_option="--devices")


def test_the_doctor_tries_the_listener(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from django.conf import settings

    from annotator.diagnosis.services import _devices

    monkeypatch.setattr(settings, "DATA_DIR", site.folder)
    assert (_devices(site.url).state, _devices("").state) == ("ok", "note")
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    assert "not this workspace's" in _devices(site.url).detail
    assert _devices(f"https://127.0.0.1:{free_port()}").state == "problem"
