"""run.py: pictures in, lines of JSON out."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from mlcore.edge.cli import main
from mlcore.edge.runtime import Model


@pytest.fixture
def run(bundle, capsys):
    """Run the command and give its exit code, its lines and what it said beside."""

    def run(*words: object):
        code = main([str(word) for word in words], bundle=bundle)
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def test_a_picture_gets_a_line(run, pictures):
    code, lines, _ = run(pictures / "red.jpg")
    assert code == 0
    (line,) = lines
    assert line["source"] == str(pictures / "red.jpg")
    assert line["label"] == "red"
    assert line["confidence"] == line["top"][0]["confidence"]
    assert next(one["label"] for one in line["top"]) == "red"
    assert len(line["top"]) == 3
    assert line["ms"] > 0


def test_several_pictures_keep_their_order(run, pictures):
    _, lines, _ = run(pictures / "red.jpg", pictures / "green.jpg", pictures / "red.jpg")
    assert [line["label"] for line in lines] == ["red", "green", "red"]


def test_a_folder_gives_every_picture_in_and_below_it(run, pictures):
    code, lines, _ = run(pictures)
    assert code == 0
    assert [Path(line["source"]).name for line in lines] == ["red again.PNG", "deep blue.jpg", "green.jpg", "red.jpg"]


def test_a_pattern_is_expanded(run, pictures):
    _, lines, _ = run(pictures / "*e*.jpg")
    assert [line["label"] for line in lines] == ["deep blue", "green", "red"]
    _, lines, _ = run(pictures / "**" / "*.PNG")
    assert [line["label"] for line in lines] == ["red"]


def test_a_bad_picture_gets_its_line_and_the_rest_goes_on(run, pictures):
    code, lines, _ = run(pictures / "notes.txt", pictures / "gone.jpg", pictures / "green.jpg")
    assert code == 1
    assert "not a picture" in lines[0]["error"]
    assert "gone.jpg" in lines[1]["error"]
    assert lines[2]["label"] == "green"


def test_a_folder_without_pictures_is_told(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, lines, _ = run(tmp_path / "empty")
    assert code == 1
    assert "No picture found" in lines[0]["error"]


def test_top_and_precision_are_obeyed(run, pictures):
    _, lines, _ = run("--top", "1", "--precision", "fp32", "--device", "CPU", pictures / "red.jpg")
    assert len(lines[0]["top"]) == 1


def test_nothing_to_do_is_a_usage_error(run, capsys):
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 2
    assert "give a picture" in capsys.readouterr().err


def test_a_damaged_bundle_is_one_sentence(run, bundle, pictures):
    (bundle / "fp16" / "model.bin").write_bytes(b"")
    code, lines, said = run(pictures)
    assert (code, lines) == (2, [])
    assert said.startswith("run.py: fp16/model.bin is not the file")
    assert said.count("\n") == 1


def test_without_opencv_the_camera_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, _, said = run("--camera", "0")
    assert code == 2
    assert "pip install opencv-python-headless" in said


class FakeCamera:
    """Gives blue frames in OpenCV's order of channels, so its first channel is blue."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.left = 2

    def isOpened(self) -> bool:
        return self.number == 0

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((48, 64, 3), (255, 0, 0), np.uint8)

    def release(self) -> None:
        pass


def test_each_frame_of_a_camera_gets_a_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", types.SimpleNamespace(VideoCapture=FakeCamera))
    code, lines, _ = run("--camera", "0", "--frames", "2")
    assert code == 0
    assert [(line["source"], line["label"]) for line in lines] == [("camera:0", "deep blue")] * 2


def test_a_camera_that_stops_or_is_absent_is_told(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", types.SimpleNamespace(VideoCapture=FakeCamera))
    code, lines, said = run("--camera", "0")
    assert (code, len(lines)) == (2, 2)
    assert "stopped giving pictures" in said
    code, _, said = run("--camera", "5")
    assert code == 2
    assert "Camera 5 cannot be opened" in said


def test_an_interrupted_list_is_not_taken_for_a_whole_one(run, pictures, monkeypatch):
    def interrupt(self, pixels, top=None, *, many=False):
        raise KeyboardInterrupt

    monkeypatch.setattr(Model, "answer_pixels", interrupt)
    assert run(pictures)[0] == 130
    monkeypatch.setitem(sys.modules, "cv2", types.SimpleNamespace(VideoCapture=FakeCamera))
    assert run("--camera", "0")[0] == 0


def start(bundle: Path, *words: object, **options) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": ""}
    return subprocess.Popen(
        [sys.executable, str(bundle / "run.py"), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def test_the_script_runs_from_anywhere_with_the_bundle_s_own_runtime(bundle, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    process = start(bundle, bundle / "sample.jpg", cwd=tmp_path / "elsewhere")
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert json.loads(out)["label"] == "red"
    (bundle / "mlcore" / "edge" / "cli.py").unlink()
    process = start(bundle, bundle / "sample.jpg", cwd=tmp_path / "elsewhere")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "mlcore.edge.cli" in said


def test_a_reader_that_goes_away_is_no_error(bundle, pictures):
    process = start(bundle, *[pictures] * 200)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.wait(timeout=120)
    assert said == ""
