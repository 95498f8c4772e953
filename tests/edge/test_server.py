"""The bundle over HTTP."""

import functools
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlcore.edge.cli import main
from mlcore.edge.serve import create_server
from mlcore.edge.station import Station
from tests.export.tiny import COLOURS, jpeg

BOUNDARY = "b0undary"


@pytest.fixture
def address(model):
    """A server that takes bodies up to 20,000 bytes."""
    with create_server(model, "127.0.0.1", 0, max_body=20_000) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join()


def send(address, method: str, path: str, body: bytes | None = None, **headers: str):
    """Send one request; gives status and JSON."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.fixture
def ask(address):
    return functools.partial(send, address)


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body of (Content-Disposition, content)."""
    body = b""
    for disposition, content in parts:
        body += f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def test_a_picture_as_the_body_is_answered(ask, model):
    status, answer = ask("POST", "/predict", jpeg("red"))
    expected = model.predict(jpeg("red"), 3)
    assert status == 200
    assert (answer["label"], answer["confidence"]) == (expected[0].label, expected[0].confidence)
    assert answer["top"] == [{"label": one.label, "confidence": one.confidence} for one in expected]


def test_a_form_is_answered_byte_for_byte(ask):
    picture = jpeg("red") + b"\r\n--" + bytes(range(256)) + b"\r\n"
    body = form(('form-data; name="note"', b"hello"), ('form-data; name="file"; filename="a.jpg"', picture))
    status, answer = ask("POST", "/predict", body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
    assert (status, answer["label"]) == (200, "red")


def test_top_says_how_many_classes(ask):
    assert len(ask("POST", "/predict?top=1", jpeg("red"))[1]["top"]) == 1
    for wrong in ("0", "-1", "x", "", "1.5"):
        status, answer = ask("POST", f"/predict?top={wrong}", jpeg("red"))
        if wrong:
            assert status == 400
            assert "top must be a whole number" in answer["error"]


def test_its_state_and_its_origin_can_be_asked(ask):
    assert ask("GET", "/healthz") == (200, {"status": "ok", "precision": "FP16", "device": "AUTO", "runs_on": "CPU"})
    status, answer = ask("GET", "/metadata")
    assert status == 200
    assert answer["labels"] == list(COLOURS)
    assert answer["manifest"]["lineage"]["project"] == "Colours"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("GET", "/", None, 404, "There is no such path"),
        ("POST", "/healthz", b"", 405, "Use GET"),
        ("GET", "/predict", None, 405, "Use POST"),
        ("POST", "/predict", b"", 400, "empty"),
        ("POST", "/predict", b"no picture", 400, "not a picture"),
        ("POST", "/predict", jpeg("red")[:300], 400, "picture"),
        ("POST", "/predict", b"x" * 20_001, 413, "at most 20,000"),
    ],
)
def test_bad_requests_get_a_sentence(ask, method, path, body, status, sentence):
    found, answer = ask(method, path, body)
    assert found == status
    assert sentence in answer["error"]


@pytest.mark.parametrize(("method", "path", "allowed"), [("PUT", "/predict", "POST"), ("DELETE", "/metadata", "GET")])
def test_other_methods_are_told_which_to_use(address, method, path, allowed):
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert f"Use {allowed}" in json.loads(answer.read())["error"]
    connection.close()


@pytest.mark.parametrize("line", [b"nonsense", b"GET / HTTP/9.9", b"GET /" + b"a" * 70_000 + b" HTTP/1.1"])
def test_lines_that_are_no_request_get_a_sentence(address, line):
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(line + b"\r\n\r\n")
        answer = b""
        while chunk := connection.recv(1000):
            answer += chunk
    assert b"can be read" in answer
    assert b"<" not in answer


def test_forms_without_a_file_or_a_boundary_get_a_sentence(ask):
    body = form(('form-data; name="note"', b"hello"))
    status, answer = ask("POST", "/predict", body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
    assert (status, "no file" in answer["error"]) == (400, True)
    status, answer = ask("POST", "/predict", body, Content_Type="multipart/form-data")
    assert (status, "no boundary" in answer["error"]) == (400, True)


@pytest.mark.parametrize("length", ["", "-5", "abc", "9" * 30])
def test_a_length_that_is_none_is_asked_for(address, length):
    header = f"Content-Length: {length}\r\n" if length else "Transfer-Encoding: chunked\r\n"
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(f"POST /predict HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 411 ")


def test_a_client_that_hangs_up_harms_nobody(address, ask):
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    assert ask("POST", "/predict", jpeg("red"))[0] == 200


def test_after_a_refusal_the_unread_body_is_not_taken_for_a_request(address):
    inner = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(f"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n".encode() + inner)
        answer = b""
        while chunk := connection.recv(1000):
            answer += chunk
    assert answer.count(b"HTTP/1.1 ") == 1


def test_without_a_model_it_is_told_that_there_is_none_yet_and_then_answered(model):
    station = Station()
    with create_server(station, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        for method, path, body in (("GET", "/healthz", None), ("GET", "/metadata", None), ("POST", "/predict", jpeg("red"))):
            status, answer = send(server.server_address, method, path, body)
            assert (status, "deploy one" in answer["error"]) == (503, True)
        station.swap(model)
        assert send(server.server_address, "POST", "/predict", jpeg("red"))[1]["label"] == "red"
        server.shutdown()


def test_many_at_once_get_their_own_answers(ask):
    names = list(COLOURS) * 16
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda name: ask("POST", "/predict", jpeg(COLOURS[name]))[1]["label"], names))
    assert answers == names


def test_the_command_serves_until_it_is_interrupted(bundle):
    process = subprocess.Popen(
        [sys.executable, str(bundle / "run.py"), "--serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/predict", first)
    assert found, first + process.stderr.read()
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=30)
    connection.request("POST", "/predict", jpeg("red"))
    assert json.loads(connection.getresponse().read())["label"] == "red"
    connection.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == ""


def test_a_busy_port_is_one_sentence(bundle, address, capsys):
    for port in (address[1], 70_000):
        assert main(["--serve", "--port", str(port)], bundle=bundle) == 2
        said = capsys.readouterr().err
        assert "choose another with --port" in said
        assert said.count("\n") == 1
