"""Sources, station and sinks together."""

import dataclasses
import http.client
import json
import sys
import threading
import time
import types
from pathlib import Path

import numpy as np
import pytest

from mlcore.edge import work as work_module
from mlcore.edge.cli import main
from mlcore.edge.options import OptionProblem, WorkOptions
from mlcore.edge.station import Station
from mlcore.edge.work import SinkProblem, start
from tests.edge.fakes import FakeModel
from tests.export.tiny import COLOURS, jpeg


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(work_module, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(work_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr("mlcore.edge.folder.SETTLED", 0.02)
    monkeypatch.setattr("mlcore.edge.folder.GIVEN_UP", 0.05)


@pytest.fixture
def begin(tmp_path):
    """Start to work with lines going to a file; gives the work and a function that waits for so many lines."""
    begun = []
    path = tmp_path / "answers.jsonl"

    def begin(station: Station, **options):
        work = start(station, WorkOptions(out=str(path), **options))
        begun.append(work)

        def lines(count: int) -> list[dict]:
            end = time.monotonic() + 60
            while len(path.read_text().splitlines()) < count:
                assert time.monotonic() < end, path.read_text()
                time.sleep(0.01)
            return [json.loads(line) for line in path.read_text().splitlines()]

        return work, lines

    yield begin
    for work in begun:
        work.stop()


def test_pictures_put_into_a_folder_get_their_lines(model, begin, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    station, missed = Station(model), []
    station.miss_observers.append(missed.append)
    work, lines = begin(station, watch=str(folder))
    for name in ("red", "green"):
        (folder / f"{name}.jpg").write_bytes(jpeg(COLOURS[name]))
    (folder / "bad.jpg").write_bytes(b"no picture")
    found = lines(3)
    assert {Path(line["source"]).stem: line.get("label") for line in found} == {"red": "red", "green": "green", "bad": None}
    assert next(line["error"] for line in found if "error" in line).startswith("The file is not a picture")
    assert all(line["at"].endswith("+00:00") for line in found)
    assert (work.sources[0].answered, work.sources[0].missed, len(missed)) == (2, 1, 1)


def test_work_waits_for_the_first_model_and_takes_the_next_one_without_a_gap(begin, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "0.jpg").write_bytes(b"x")
    station = Station()
    work, lines = begin(station, watch=str(folder), afterwards="move")
    assert work.sources[0].state == "waiting"
    station.swap(FakeModel(1))
    lines(1)
    station.swap(FakeModel(2))
    (folder / "1.jpg").write_bytes(b"x")
    assert [line["model"] for line in lines(2)] == [1, 2]
    assert (folder / "answered" / "1.jpg").exists()


@pytest.fixture
def film(tmp_path):
    """Twelve frames: red ones, then blue ones."""
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for n in range(12):
        writer.write(np.full((48, 64, 3), (0, 0, 255) if n < 6 else (255, 0, 0), np.uint8))
    writer.release()
    return path


def test_every_nth_frame_of_a_film_is_answered_in_its_order(model, begin, film):
    work, lines = begin(Station(model), video=str(film), every=4)
    assert work.wait(60)
    assert [(line["source"].rpartition("#")[2], line["label"]) for line in lines(3)] == [
        ("0", "red"), ("4", "red"), ("8", "deep blue"),
    ]  # fmt: skip
    assert work.sources[0].state == "done"


def test_a_film_that_cannot_be_played_is_told(begin, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no film")
    for path, sentence in ((tmp_path / "gone.mp4", "is not there"), (tmp_path / "film.mp4", "cannot be opened")):
        work, _ = begin(Station(FakeModel()), video=str(path))
        assert work.wait(60)
        assert (work.sources[0].state, sentence in work.sources[0].trouble) == ("failed", True)


class FlakyCamera:
    """Stops after every second frame, and is back when it is opened again."""

    def __init__(self, which) -> None:
        self.left = 2

    def isOpened(self) -> bool:
        return True

    def read(self):
        time.sleep(0.005)
        self.left -= 1
        return self.left >= 0, np.full((48, 64, 3), (255, 0, 0), np.uint8)

    def release(self) -> None:
        pass


def test_a_camera_that_stops_is_taken_up_again(model, begin, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", types.SimpleNamespace(VideoCapture=FlakyCamera))
    _, lines = begin(Station(model), camera="0")
    assert {(line["source"], line["label"]) for line in lines(5)} == {("camera:0", "deep blue")}


def test_answers_over_http_go_to_who_asked(model, begin):
    work, _ = begin(Station(model), port=0)
    connection = http.client.HTTPConnection(*work.address, timeout=30)
    connection.request("POST", "/predict", jpeg("red"))
    assert json.loads(connection.getresponse().read())["label"] == "red"
    connection.close()


def test_stopping_ends_every_thread(begin, tmp_path):
    before = set(threading.enumerate())
    work, _ = begin(Station(FakeModel()), watch=str(tmp_path / "none"), port=0)
    assert "cannot be read" in wait_for(lambda: work.sources[1].trouble)
    work.stop()
    assert not {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}


def wait_for(find):
    end = time.monotonic() + 60
    while not (found := find()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_a_sink_that_cannot_be_opened_starts_nothing(tmp_path):
    before = threading.active_count()
    with pytest.raises(SinkProblem, match="in the clear"):
        start(Station(), WorkOptions(out=str(tmp_path / "a"), webhook="http://example.org/", watch="in"))
    assert threading.active_count() == before


def test_a_taken_port_starts_nothing(begin):
    work, _ = begin(Station(), port=0)
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        start(Station(), WorkOptions(port=work.address[1]))
    assert threading.active_count() == before


def test_options_from_json():
    options = WorkOptions.read({"watch": "in", "every": 5, "images": ["a.jpg"], "page": None, "webhook": "https://h/x"})
    assert options == WorkOptions(watch="in", every=5, images=("a.jpg",), webhook="https://h/x")
    assert not options.prints
    assert WorkOptions(**dataclasses.asdict(options)) == options


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"folder": "in"}, "no option 'folder'; choose among"),
        ({"watch": 5}, "watch is 5; give str"),
        ({"every": True}, "every is True; give int"),
        ({"every": 0}, "every is 0; give a number from 1"),
        ({"images": [1]}, "images"),
        ({"afterwards": "delete"}, "choose one of keep, move"),
    ],
)
def test_options_that_make_no_sense_are_refused(data, sentence):
    with pytest.raises(OptionProblem, match=sentence):
        WorkOptions.read(data)


def test_the_command_answers_a_film_into_a_file(bundle, film, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    assert main(["--video", str(film), "--every", "6", "--out", str(out)], bundle=bundle) == 0
    assert [json.loads(line)["label"] for line in out.read_text().splitlines()] == ["red", "deep blue"]
    assert capsys.readouterr().out == ""
    assert main(["--video", str(film), "--every", "6"], bundle=bundle) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_command_tells_what_it_cannot_do(bundle, tmp_path, capsys):
    assert main(["--video", str(tmp_path / "gone.mp4")], bundle=bundle) == 2
    assert "run.py: The film" in capsys.readouterr().err
    assert main(["--watch", str(tmp_path), "--mqtt", "mqtt://h/"], bundle=bundle) == 2
    assert "with a topic" in capsys.readouterr().err
