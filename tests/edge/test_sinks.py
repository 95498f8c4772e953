"""Answers reach files and web hooks, or it is told that they do not."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mlcore.edge.sinks import File, SinkProblem
from mlcore.edge.webhook import Webhook, check_address


def lines_of(path: Path) -> list[int]:
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


def test_a_file_gets_a_line_each_and_goes_on_after_a_restart(tmp_path):
    for n in (1, 2):
        sink = File(tmp_path / "logs" / "answers.jsonl")
        sink.put({"n": n})
        sink.close()
    assert lines_of(tmp_path / "logs" / "answers.jsonl") == [1, 2]


def test_a_full_file_is_put_aside_and_few_are_kept(tmp_path):
    sink = File(tmp_path / "a.jsonl", most=30)
    for n in range(100, 115):
        sink.put({"n": n})
    sink.close()
    assert {path.name: lines_of(path) for path in tmp_path.iterdir()} == {
        "a.jsonl": [114], "a.jsonl.1": [112, 113], "a.jsonl.2": [110, 111], "a.jsonl.3": [108, 109],
    }  # fmt: skip


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(SinkProblem, match="choose another"):
        File(tmp_path / "folder")


class FullDisk:
    """Takes so many bytes more."""

    def __init__(self, file, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        taken = self.file.write(data[: self.room])
        self.room -= taken
        return taken

    def close(self) -> None:
        self.file.close()


def test_a_full_disk_drops_answers_and_cuts_no_later_line(tmp_path):
    sink = File(tmp_path / "a.jsonl")
    sink._file = FullDisk(sink._file, 12)
    sink.put({"n": 1})
    sink.put({"n": 2})
    assert (sink.dropped, "make room" in sink.trouble) == (1, True)
    sink._file.room = 1000
    sink.put({"n": 3})
    sink.close()
    good = [line for line in (tmp_path / "a.jsonl").read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["n"] for line in good] == [1, 3]
    assert sink.trouble == ""


@pytest.fixture
def receiver():
    """A server that keeps what it is sent; `statuses` are what it answers first, then 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = server.statuses.pop(0) if server.statuses else 200
            if status == 200:
                server.got += json.loads(body)["answers"]
            server.asked.append(dict(self.headers))
            server.came.set()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.statuses, server.got, server.asked, server.came = [], [], [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/hook"


def test_a_web_hook_gets_every_answer_in_order(receiver, monkeypatch):
    monkeypatch.setenv("EDGE_WEBHOOK_TOKEN", "secret")
    sink = Webhook(address(receiver))
    for n in range(120):
        sink.put({"n": n})
    sink.close()
    assert [line["n"] for line in receiver.got] == list(range(120))
    assert (sink.dropped, sink.trouble) == (0, "")
    assert receiver.asked[0]["Authorization"] == "Bearer secret"
    assert "secret" not in sink.name


def test_a_busy_receiver_is_asked_again(receiver):
    receiver.statuses[:] = [503, 429]
    sink = Webhook(address(receiver), pause=0.01)
    sink.put({"n": 1})
    while not receiver.got:
        receiver.came.wait(0.01)
    sink.close()
    assert receiver.got == [{"n": 1}]
    assert (len(receiver.asked), sink.dropped) == (3, 0)


@pytest.mark.parametrize("status", [400, 401, 302])
def test_what_is_refused_for_good_is_dropped_and_told(receiver, status):
    receiver.statuses[:] = [status]
    sink = Webhook(address(receiver))
    sink.put({"n": 1})
    sink.close()
    assert (receiver.got, len(receiver.asked), sink.dropped) == ([], 1, 1)
    assert str(status) in sink.trouble


def test_a_receiver_that_is_away_costs_the_oldest_answers_and_no_time(receiver):
    receiver.statuses[:] = [503] * 1000
    sink = Webhook(address(receiver), most=10, pause=60)
    sink.put({"n": -1})
    assert receiver.came.wait(30)
    for n in range(25):
        sink.put({"n": n})
    assert sink.dropped == 15
    sink.close()
    assert sink.dropped == 26
    assert "503" in sink.trouble


def test_nobody_at_the_address_is_told():
    sink = Webhook("http://127.0.0.1:9/hook", pause=60)
    sink.put({"n": 1})
    sink.close()
    assert "cannot be reached" in sink.trouble
    assert sink.dropped == 1


@pytest.mark.parametrize("url", ["https://example.org/x", "http://localhost:1/x", "http://127.0.0.9/x", "http://[::1]:80/"])
def test_addresses_that_are_safe(url):
    check_address(url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.org/x", "in the clear"),
        ("http://127.0.0.1.example.org/x", "in the clear"),
        ("ftp://example.org/x", "not an address"),
        ("file:///etc/passwd", "not an address"),
        ("https://", "not an address"),
        ("https://h:99999/", "not an address"),
        ("example.org", "not an address"),
    ],
)
def test_addresses_that_are_not(url, sentence):
    with pytest.raises(SinkProblem, match=sentence):
        check_address(url)


def test_plain_http_can_be_allowed():
    check_address("http://example.org/x", plain=True)
