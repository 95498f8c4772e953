"""The page for somebody who stands before the device."""

import http.client
import io
import json
import re
import threading

import numpy as np
import pytest
from PIL import Image

from mlcore.edge.options import WorkOptions
from mlcore.edge.page import Page, html
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.station import Station
from mlcore.edge.work import start
from tests.edge.fakes import FakeModel
from tests.export.tiny import jpeg


@pytest.fixture
def working(model):
    station = Station(model)
    work = start(station, WorkOptions(port=0, stdout=False))
    yield work, station
    work.stop()


def get(address, path: str, **headers: str):
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_it_asks_nobody_else_and_runs_only_its_own_script(working):
    work, _ = working
    status, headers, body = get(work.address, "/")
    assert status == 200
    assert not re.search(rb"(?:src|href)=\"(?!data:,)|url\(|@import|https?://", body)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert body == html()[0]


def test_it_tells_model_answers_times_and_health(working):
    work, station = working
    for colour in ("red", "lime"):
        station.answer(jpeg(colour), f"{colour}.jpg")
    with pytest.raises(UnreadableImage):
        station.answer(b"no picture", "bad.jpg")
    state = json.loads(get(work.address, "/page/state")[2])
    assert state["model"]["project"] == "Colours"
    assert (state["model"]["precision"], state["model"]["runs_on"]) == ("FP16", "CPU")
    assert (state["answered"], state["missed"], len(state["times"])) == (2, 1, 2)
    assert state["now"]["source"] == "lime.jpg"
    assert [one.get("source") for one in state["recent"]] == ["bad.jpg", "lime.jpg", "red.jpg"]
    assert "not a picture" in state["recent"][0]["error"]
    assert state["health"] == "ok"
    assert state["sources"][0]["name"] == "HTTP"


def test_it_shows_the_last_picture_in_a_size_for_a_page(working):
    work, station = working
    assert get(work.address, "/page/picture")[0] == 404
    station.answer(np.full((1500, 2000, 3), (255, 0, 0), np.uint8), "camera")
    status, headers, body = get(work.address, "/page/picture?1")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(body)).size == (960, 720)


def test_a_picture_whose_file_has_gone_is_shown_as_the_model_saw_it(tmp_path, model):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg("red"))
    station = Station(model)
    page = Page(station)
    station.answer(path)
    path.unlink()
    assert Image.open(io.BytesIO(page.picture())).size == (32, 32)


def test_before_the_first_model_it_says_that_it_waits():
    state = Page(Station()).state()
    assert (state["health"], state["model"], state["now"]) == ("waiting", None, None)


def test_what_does_not_work_is_told(model):
    station = Station(model)
    page = Page(station)
    page.work = FakeWork()
    state = page.state()
    assert (state["health"], state["troubles"]) == ("trouble", ["Camera 0 cannot be opened."])


class FakeWork:
    def state(self):
        return {"sources": [{"name": "camera 0", "trouble": "Camera 0 cannot be opened."}], "sinks": []}


def test_a_page_from_elsewhere_sees_nothing(working):
    work, station = working
    station.answer(jpeg("red"))
    for path in ("/", "/page/state", "/page/picture"):
        assert get(work.address, path, Host="evil.example")[0] == 403
        assert get(work.address, path, Host="localhost:1")[0] == 200


def test_on_an_open_port_it_is_shown_only_when_asked_for():
    for wanted, host, status in ((None, "0.0.0.0", 404), (True, "0.0.0.0", 200), (False, "127.0.0.1", 404)):
        work = start(Station(FakeModel()), WorkOptions(port=0, host=host, page=wanted, stdout=False))
        try:
            assert get(("127.0.0.1", work.address[1]), "/")[0] == status
        finally:
            work.stop()


def test_answers_go_on_while_it_is_looked_at(model):
    station = Station(model)
    page = Page(station)
    stop = threading.Event()

    def look():
        while not stop.is_set():
            page.state()
            page.picture()

    looking = threading.Thread(target=look)
    looking.start()
    for n in range(50):
        station.answer(jpeg("red"), str(n))
    stop.set()
    looking.join()
    assert page.state()["answered"] == 50
