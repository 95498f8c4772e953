"""Answers over MQTT, through the real client and a broker of the least kind."""

import json
import socket
import struct
import sys
import threading
import time

import pytest

from mlcore.edge.mqtt import Mqtt, read_address
from mlcore.edge.sinks import SinkProblem

CONNECT, PUBLISH, DISCONNECT = 1, 3, 14
CONNECTED, CONFIRMED = b"\x20\x02\x00\x00", b"\x40\x02"


class Broker(threading.Thread):
    """Takes connections one after another (MQTT 3.1.1) and keeps what is published with QoS 1."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got: list[tuple[str, dict]] = []
        self.came = threading.Semaphore(0)
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as packets:
                self._talk(connection, packets)

    def _talk(self, connection, packets) -> None:
        while head := packets.read(1):
            length, shift = 0, 0
            while True:
                (byte,) = packets.read(1)
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = packets.read(length)
            kind = head[0] >> 4
            if kind == CONNECT:
                connection.sendall(CONNECTED)
            elif kind == PUBLISH:
                assert head[0] >> 1 & 3 == 1
                (size,) = struct.unpack_from(">H", body)
                topic, number, payload = body[2 : 2 + size], body[2 + size : 4 + size], body[4 + size :]
                self.got.append((topic.decode(), json.loads(payload)))
                connection.sendall(CONFIRMED + number)
                self.came.release()
            elif kind == DISCONNECT:
                return


@pytest.fixture
def broker():
    broker = Broker()
    yield broker
    broker.listener.close()


def test_every_answer_is_published_in_order(broker):
    sink = Mqtt(f"mqtt://127.0.0.1:{broker.port}/factory/line%201", pause=0.01)
    for n in range(30):
        sink.put({"n": n})
    for _ in range(30):
        assert broker.came.acquire(timeout=30)
    sink.close()
    assert broker.got == [("factory/line 1", {"n": n}) for n in range(30)]
    assert (sink.dropped, sink.trouble) == (0, "")


def test_a_broker_that_is_away_is_told_and_costs_no_time():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    sink = Mqtt(f"mqtt://127.0.0.1:{port}/t", most=5, pause=0.01)
    assert sink.trouble
    for n in range(20):
        sink.put({"n": n})
    for _ in range(6000):
        if "cannot be reached" in sink.trouble:
            break
        time.sleep(0.01)
    sink.close()
    assert sink.dropped == 20
    assert "cannot be reached" in sink.trouble


def test_without_paho_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(SinkProblem, match="pip install paho-mqtt"):
        Mqtt("mqtt://127.0.0.1/t")


def test_addresses_are_read():
    assert read_address("mqtts://broker.example/a/b") == ("broker.example", 8883, "a/b", True)
    assert read_address("mqtt://localhost:1884/a") == ("localhost", 1884, "a", False)
    assert read_address("mqtt://broker.example/a", plain=True) == ("broker.example", 1883, "a", False)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mqtt://broker.example/a", "in the clear"),
        ("mqtts://broker.example", "with a topic"),
        ("mqtts://me:secret@broker.example/a", "EDGE_MQTT_PASSWORD"),
        ("mqtts://broker.example/a/%23", "cannot be published to"),
        ("http://broker.example/a", "not an address"),
        ("mqtts://broker.example:x/a", "not an address"),
    ],
)
def test_addresses_that_make_no_sense_are_refused(url, sentence):
    with pytest.raises(SinkProblem, match=sentence):
        read_address(url)
