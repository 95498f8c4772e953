"""A bundle of real photos in an environment with nothing but its own requirements, by the very commands of docs/edge.md."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore import export
from mlcore.edge.runtime import Model
from mlcore.export import ExportResult
from tests.export.conftest import Learnt
from tests.export.moment import time_for_a_moment
from tests.export.shell import blocks, commands
from tests.export.tiny import unpack
from tests.installation import wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

MODEL_API = "openvino-model-api==0.4.7"


@dataclass
class Device:
    """A folder where a bundle was unpacked and installed, and what each documented command printed."""

    folder: Path
    said: dict[str, str]

    def run(self, *words: str) -> str:
        return run(list(words), self.folder)


def run(words: list[str] | str, folder: Path) -> str:
    """Run a command as a person would, outside of this project's environment."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        words, shell=isinstance(words, str), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done.stdout


def wait_for(server: subprocess.Popen[bytes], port: int, said: Path) -> None:
    """Until it answers; what it said is shown when it does not."""

    def answers() -> bool:
        assert server.poll() is None, f"The server ended: {said.read_text()[-2000:]}"
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, "the server")


@pytest.fixture(scope="module")
def shipped(learnt: Learnt, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    """The default backbone and head, exported as a project does it, but timed for a moment only."""
    with pytest.MonkeyPatch.context() as patch:
        time_for_a_moment(patch)
        return export.export_classifier(**learnt.arguments(out_dir=tmp_path_factory.mktemp("shipped")))


@pytest.fixture(scope="module")
def device(shipped: ExportResult, learnt: Learnt, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """Every command of docs/edge.md was run, in order; a server is left alone until the commands are through."""
    folder = tmp_path_factory.mktemp("device")
    shutil.copy(shipped.path, folder / "bundle.zip")
    (folder / "pictures").mkdir()
    for number, path in enumerate(learnt.paths[:: len(learnt.paths) // 8]):
        shutil.copy(path, folder / "pictures" / f"{number}{path.suffix}")
    shutil.copy(learnt.paths[0], folder / "pictures" / "one.jpg")
    port = free_port()
    said: dict[str, str] = {}
    servers: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands("edge.md"):
            words = command.replace("8080", str(port))
            if "--serve" in command:
                log = folder / f"server{len(servers)}.log"
                with log.open("wb") as stderr:
                    servers.append(subprocess.Popen(words.split(), cwd=folder, stderr=stderr))
                wait_for(servers[-1], port, log)
            else:
                said[command] = run(words, folder)
    finally:
        for server in servers:
            server.terminate()
            server.wait(timeout=30)
    return Device(folder, said)


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_the_environment_holds_nothing_but_the_requirements(device):
    installed = json.loads(device.run("venv/bin/pip", "list", "--format", "json"))
    names = {package["name"].lower() for package in installed}
    asked = {"numpy", "openvino", "pillow", "cryptography"}
    assert names <= asked | {"openvino-telemetry", "cffi", "pycparser", "pip", "setuptools"}


def test_the_first_command_names_the_class_as_torch_does(device, shipped):
    (line,) = lines(device.said["venv/bin/python run.py sample.jpg"])
    expected = json.loads((device.folder / "expected.json").read_text())
    assert line["label"] == expected[shipped.recommended][0]["label"]
    assert line["confidence"] == pytest.approx(expected[shipped.recommended][0]["confidence"], abs=0.02)
    (exact,) = lines(device.said["venv/bin/python run.py --top 1 --precision FP32 --device CPU sample.jpg"])
    assert exact["label"] == expected["torch"][0]["label"]
    assert exact["confidence"] == pytest.approx(expected["torch"][0]["confidence"], abs=1e-4)


def test_every_photo_gets_the_answer_of_the_project_s_own_head(device, learnt):
    """The project scores torch's features with the head; the device has only pixels. FP32 was deleted, as on the page."""
    found = lines(device.run("venv/bin/python", "run.py", "--precision", "FP16", *map(str, learnt.paths[::7])))
    probabilities = learnt.probabilities[::7]
    assert [line["confidence"] for line in found] == pytest.approx(probabilities.max(axis=1).tolist(), abs=0.1)
    second, best = np.sort(probabilities, axis=1)[:, -2:].T
    clear = best - second > 0.2
    answers = [learnt.names[i] for i in probabilities.argmax(axis=1)]
    assert clear.sum() > 3
    assert [line["label"] for line, sure in zip(found, clear, strict=True) if sure] == [
        answer for answer, sure in zip(answers, clear, strict=True) if sure
    ]


def test_in_full_precision_it_is_the_same_to_four_digits(shipped, learnt, tmp_path):
    model = Model(unpack(shipped.path, tmp_path), "FP32")
    found = np.stack([model.answer(path).probabilities for path in learnt.paths])
    assert np.abs(found - learnt.probabilities).max() < 1e-4


def test_folders_and_patterns_are_answered_in_full(device):
    folder = lines(device.said["venv/bin/python run.py pictures/"])
    assert len(folder) == len(list((device.folder / "pictures").iterdir()))
    pattern = lines(device.said["venv/bin/python run.py 'pictures/*.jpg'"])
    assert len(pattern) == len(list((device.folder / "pictures").glob("*.jpg"))) >= 1


def test_the_server_says_what_the_command_says(device):
    (line,) = lines(device.said["venv/bin/python run.py sample.jpg"])
    answer = json.loads(device.said["curl --data-binary @sample.jpg http://127.0.0.1:8080/predict"])
    assert answer["label"] == line["label"]
    assert answer["confidence"] == pytest.approx(line["confidence"], abs=1e-5)
    assert json.loads(device.said["curl -F file=@sample.jpg http://127.0.0.1:8080/predict?top=1"])["label"] == line["label"]
    assert json.loads(device.said["curl http://127.0.0.1:8080/healthz"])["status"] == "ok"
    metadata = json.loads(device.said["curl http://127.0.0.1:8080/metadata"])
    assert metadata["manifest"]["lineage"]["annotations_hash"] == "ab" * 32


def test_the_python_of_the_page_runs(device, learnt):
    (block,) = blocks("edge.md", "python")
    printed = device.run("venv/bin/python", "-c", block).splitlines()
    expected = json.loads((device.folder / "expected.json").read_text())
    assert printed[0].startswith(expected["torch"][0]["label"])
    assert printed[-1] == f"({len(learnt.names)},) ({learnt.projection.dim},)"


def test_int8_keeps_most_answers(shipped):
    eight = next(row for row in shipped.report if row.precision == "INT8")
    assert eight.agreement > 0.85
    assert eight.size_bytes < 0.5 * shipped.report[0].size_bytes
    assert shipped.report[0].max_diff < 1e-3


def test_eight_pictures_at_once_are_answered_as_the_page_says(device, learnt):
    block, _ = blocks("export.md", "python")
    assert device.run("venv/bin/python", "-c", block).split("\n")[0] == f"(8, {len(learnt.names)})"


def test_model_api_reads_the_models_as_they_are(device):
    device.run("venv/bin/pip", "install", "--quiet", MODEL_API)
    _, block = blocks("export.md", "python")
    label, confidence = device.run("venv/bin/python", "-c", block).split()
    best = json.loads((device.folder / "expected.json").read_text())["FP16"][0]
    assert label == best["label"].replace(" ", "_")
    assert float(confidence) == pytest.approx(best["confidence"], abs=0.02)
