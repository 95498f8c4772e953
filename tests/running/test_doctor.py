"""`annotator doctor` says what is there and how to mend what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from annotator.diagnosis import hardware, software
from annotator.diagnosis.finding import Finding
from mlcore import device
from tests.installation import Installation

Make = Callable[..., Installation]


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in found}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What it says of this machine, by name."""
    told = Installation(tmp_path_factory.mktemp("doctor") / "data").run("doctor", "--json")
    assert "Traceback" not in told.stderr
    return {finding["name"]: finding for part in json.loads(told.stdout).values() for finding in part}


def test_it_tells_of_software_hardware_and_services(said: dict[str, dict[str, Any]]) -> None:
    for name in ("Python", "torch", "openvino", "torchvision beside torch", "backbone lite0", "device", "disk", "memory",
                 "CPU feature AVX-512", "CPU feature BF16", "CPU feature VNNI", "CPU feature AMX", "OpenVINO devices",
                 "database", "Redis", "files", "site"):
        assert said[name]["detail"], name


def test_whatever_is_not_well_comes_with_its_mend(said: dict[str, dict[str, Any]]) -> None:
    for name, finding in said.items():
        assert bool(finding["mend"]) == (finding["state"] != "ok"), name


def test_the_device_says_precision_and_why(said: dict[str, dict[str, Any]]) -> None:
    chosen = device.pick()
    assert chosen.why in said["device"]["detail"]
    assert chosen.openvino_precision in said["device"]["detail"]


def test_a_service_that_does_not_run_is_no_fault_of_the_install(said: dict[str, dict[str, Any]]) -> None:
    assert said["Redis"]["state"] == said["site"]["state"] == "note"
    assert "annotator up" in said["Redis"]["mend"]


def test_a_redis_that_was_named_and_does_not_answer_is_a_problem(installation: Make) -> None:
    told = installation(REDIS_URL="redis://127.0.0.1:9/0").run("check")
    assert told.returncode == 1
    assert "[WRONG ] Redis: does not answer" in told.stdout
    assert "correct REDIS_URL" in told.stdout


@pytest.mark.parametrize(
    ("features", "well"),
    [
        (("avx2",), set()),
        (("avx2", "avx512f", "avx512_bf16", "avx512_vnni"), {"AVX-512", "BF16", "VNNI"}),
        (("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8"), {"AVX-512", "BF16", "VNNI", "AMX"}),
        (("avx2", "avx_vnni"), {"VNNI"}),
    ],
)
def test_each_processor_feature_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...], well: set[str]
) -> None:
    monkeypatch.setattr(device, "cpu_features", lambda: features)
    found = hardware._features()
    assert {finding.name.removeprefix("CPU feature ") for finding in found if finding.state == "ok"} == well


@pytest.mark.parametrize(("free", "state"), [(50_000_000_000, "ok"), (5_000_000_000, "note"), (500_000_000, "problem")])
def test_little_disk_is_worth_a_note_and_hardly_any_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, free: int, state: str
) -> None:
    monkeypatch.setattr(hardware.psutil, "disk_usage", lambda path: SimpleNamespace(free=free, total=100_000_000_000))
    assert hardware._disk(tmp_path).state == state


def test_a_package_that_is_missing_or_too_old_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["pillow>=999", "no-such-package-at-all>=1", "numpy>=1"]
    monkeypatch.setattr(software.metadata, "requires", lambda name: needed)
    found = by_name(software._packages())
    assert found["pillow"].state == found["no-such-package-at-all"].state == "problem"
    assert found["pillow"].mend == "Run: pip install 'pillow>=999'"
    assert found["numpy"].state == "ok"


def test_a_device_that_is_wanted_and_not_there_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_accelerator", lambda prefer: None)
    found = hardware._device("xpu")
    assert found.state == "problem"
    assert "ANNOTATOR_DEVICE" in found.mend
