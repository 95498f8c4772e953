"""The listening socket, and what is said when there can be none."""

import socket

import pytest

from annotator.supervisor.listen import address, listen, own_names
from annotator.supervisor.refusal import Refusal


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        assert address("127.0.0.1", opened) == f"http://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_busy_port_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        with pytest.raises(Refusal, match=f"Port {port} on 127.0.0.1 is in use: choose another with --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_of_another_machine_is_one_sentence(host: str) -> None:
    with pytest.raises(Refusal, match=f"--host {host} is not an address of this machine"):
        listen(host, 0)


def test_a_number_that_is_no_port_is_one_sentence() -> None:
    with pytest.raises(Refusal, match="--port 99999 is not a port"):
        listen("127.0.0.1", 99999)


def test_everywhere_is_opened_at_loopback_and_known_by_every_name() -> None:
    with listen("0.0.0.0", 0) as opened:
        assert address("0.0.0.0", opened).startswith("http://127.0.0.1:")
    names = own_names("0.0.0.0")
    assert socket.gethostname() in names
    assert "127.0.0.1" in names
