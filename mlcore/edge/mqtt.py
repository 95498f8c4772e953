"""Answers as MQTT messages, through paho-mqtt."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from mlcore.edge.sinks import Line, SinkProblem, encode, is_loopback
from mlcore.edge.waiting import FIRST_PAUSE, MOST, WaitingSink

USER, PASSWORD = "EDGE_MQTT_USER", "EDGE_MQTT_PASSWORD"

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TOGETHER = 50
_TIMEOUT = 10.0


class Mqtt(WaitingSink):
    """Publishes each answer as JSON, delivered at least once (QoS 1), to the topic that the address's path is.

    ``url`` is mqtts://host[:port]/topic, or mqtt:// to this machine; ``plain`` allows mqtt:// elsewhere. User and password
    are the environment variables EDGE_MQTT_USER and EDGE_MQTT_PASSWORD. Raises SinkProblem.
    """

    def __init__(self, url: str, *, plain: bool = False, most: int = MOST, pause: float = FIRST_PAUSE) -> None:
        try:
            import paho.mqtt.client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as problem:
            raise SinkProblem("MQTT needs paho-mqtt, which is not installed: pip install paho-mqtt") from problem
        host, port, self._topic, secure = read_address(url, plain=plain)
        client: Any = paho.Client(CallbackAPIVersion.VERSION2)
        if os.environ.get(USER):
            client.username_pw_set(os.environ[USER], os.environ.get(PASSWORD))
        if secure:
            client.tls_set()
        client.reconnect_delay_set(1, 60)
        client.on_connect_fail = self._note_away
        client.on_connect = self._note_connected
        client.on_disconnect = self._note_away
        self._client = client
        self._refused = 0
        super().__init__(f"MQTT at {host}:{port}", most=most, together=_TOGETHER, pause=pause)
        self.trouble = f"The {self.name} has not answered yet."
        client.connect_async(host, port)
        client.loop_start()

    def deliver(self, lines: Sequence[Line]) -> bool:
        """Publish these and wait until the broker has them."""
        if not self._client.is_connected():
            return False
        messages = [self._client.publish(self._topic, encode(line), qos=1) for line in lines]
        try:
            for message in messages:
                message.wait_for_publish(_TIMEOUT)
        except (RuntimeError, ValueError) as problem:
            self.trouble = f"The {self.name} did not take an answer ({problem}); it is tried again."
            return False
        if not all(message.is_published() for message in messages):
            # The client keeps them and sends them again by itself when the broker is back.
            self.trouble = f"The {self.name} has not confirmed an answer yet."
        return True

    def close(self) -> None:
        """Deliver what waits, for some seconds at most, and take leave."""
        super().close()
        self._client.disconnect()
        self._client.loop_stop()

    def _note_connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.trouble = f"The {self.name} refused us ({reason})." if reason.is_failure else ""

    def _note_away(self, *_: Any) -> None:
        if not self._closing.is_set():
            self.trouble = f"The {self.name} cannot be reached; it is tried again."


def read_address(url: str, *, plain: bool = False) -> tuple[str, int, str, bool]:
    """Host, port, topic, and whether TLS is used. Raises SinkProblem."""
    example = "give one such as mqtts://host/factory/line-1"
    try:
        parts = urlsplit(url)
        host, port, scheme = parts.hostname or "", parts.port, parts.scheme
    except ValueError as problem:
        raise SinkProblem(f"--mqtt {url!r} is not an address ({problem}); {example}.") from problem
    topic = unquote(parts.path.lstrip("/"))
    if scheme not in _PORTS or not host or not topic or parts.username:
        raise SinkProblem(
            f"--mqtt {url!r} is not an address with a topic; {example} (user and password: {USER}, {PASSWORD})."
        )
    if "+" in topic or "#" in topic:
        raise SinkProblem(f"--mqtt has the topic {topic!r}, and + and # cannot be published to; {example}.")
    if scheme == "mqtt" and not plain and not is_loopback(host):
        raise SinkProblem(f"--mqtt would send answers to {host} in the clear; use mqtts, or allow it with --plain.")
    return host, port or _PORTS[scheme], topic, scheme == "mqtts"
