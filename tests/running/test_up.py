"""`annotator up` from an empty directory: one address, a link that works once, everything alive, nothing left behind."""

from __future__ import annotations

import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.installation import Installation, wait_until
from tests.person import Person

pytestmark = pytest.mark.slow

Make = Callable[..., Installation]
LEARNING_LIBRARIES = ("torch", "openvino", "sklearn", "scipy")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the tests that only look."""
    made = Installation(tmp_path_factory.mktemp("site") / "data").start()
    made.wait_until_healthy()
    yield made
    made.stop()


def test_it_prints_one_address(site: Installation) -> None:
    assert site.said.count("http://") == 1
    assert site.link.startswith(f"{site.address}/signin?token=")


def test_the_link_signs_in_once(site: Installation) -> None:
    person, another = Person(site.address), Person(site.address)
    printed = site.run("login-link").stdout.strip()
    assert printed.startswith(f"{site.address}/signin?token=")
    token = printed.rpartition("token=")[2]
    assert person.sign_in(token)[0] == 200
    assert person.get("me")[1]["is_superuser"] is True
    status, answer = another.sign_in(token)
    assert status in (401, 403)
    assert "annotator login-link" in answer["error"]["message"]
    assert another.get("me")[0] in (401, 403)


def test_a_made_up_link_does_not_sign_in(site: Installation) -> None:
    assert Person(site.address).sign_in("a-token-that-was-never-made")[0] in (401, 403)


def test_health_tells_of_database_redis_and_each_queue(site: Installation) -> None:
    status, answer = site.health()
    assert status == 200
    assert answer == {
        "status": "ok", "database": "ok", "redis": "ok", "workers": {"learn": "ok", "bulk": "ok", "train": "ok"}
    }


def test_containers_can_ask_for_health_by_exit_code(site: Installation) -> None:
    port = site.address.rpartition(":")[2]
    assert site.run("web", "--healthy", "--port", port).returncode == 0
    assert site.run("web", "--healthy", "--port", "9").returncode == 1
    assert site.run("worker", "learn", "--healthy").returncode == 0
    assert site.run("worker", "bulk,train", "--healthy").returncode == 0
    assert site.run("worker", "bulk", "--healthy").returncode == 1


def test_the_secrets_of_an_install_are_its_owners_alone(site: Installation) -> None:
    assert stat.S_IMODE((site.data / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((site.data / "redis.sock").stat().st_mode) == 0o700


def test_no_log_holds_a_sign_in_token(site: Installation) -> None:
    logs = list((site.data / "logs").iterdir())
    assert {log.name for log in logs} >= {"web.log", "learn.log", "bulk.log", "redis.log"}
    assert all(site.token not in log.read_text() for log in logs)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what a process has loaded")
def test_the_web_process_loads_none_of_the_learning_libraries(site: Installation) -> None:
    person = Person(site.address)
    person.sign_in(site.run("login-link").stdout.strip().rpartition("token=")[2])
    for path in ("me", "projects", "system", "samples"):
        assert person.get(path)[0] == 200, path
    maps = Path(f"/proc/{site.find('web').pid}/maps").read_text()
    assert [name for name in LEARNING_LIBRARIES if f"/site-packages/{name}/" in maps] == []


def test_a_second_instance_on_the_same_data_is_refused_and_the_first_goes_on(site: Installation) -> None:
    second = site.run("up", "--port", "0", "--no-browser", "--data", str(site.data))
    assert second.returncode == 2
    assert second.stderr.startswith(f"annotator: Edge Annotator is already running on {site.data} (http://")
    assert site.address in second.stderr
    assert site.health()[0] == 200


def test_a_busy_port_is_one_sentence(site: Installation, installation: Make) -> None:
    port = site.address.rpartition(":")[2]
    refused = installation().run("up", "--port", port, "--no-browser")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"annotator: Port {port} on 127.0.0.1 is in use: choose another with --port, or --port 0 for any free one.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_it_ends_everything(installation: Make, number: signal.Signals) -> None:
    site = installation(prepared=True).start()
    site.wait_until_healthy()
    family = site.processes()
    assert site.stop(number) == 0
    assert not any(process.is_running() for process in family)
    assert site.lines[-1] == "Stopping: work in hand is finished or put back in the queue."


def test_it_can_be_ended_while_it_starts(installation: Make) -> None:
    site = installation().launch()
    wait_until(lambda: site.lines, "its first words")
    assert site.stop(signal.SIGINT) == 0
    assert "Traceback" not in site.said


def test_killed_outright_it_leaves_nothing_running_and_starts_again(installation: Make) -> None:
    site = installation(prepared=True).start()
    site.wait_until_healthy()
    family = site.processes()
    assert site.process is not None
    site.process.kill()
    wait_until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family), "the end of all")
    site.start()
    site.wait_until_healthy()
