"""The wheel of the runtime installs with pip, holds all of mlcore.edge and no more, and is the same twice."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from mlcore import runtime_wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel() -> tuple[str, bytes]:
    return runtime_wheel.runtime_wheel("1.2.3")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder that pip has put the wheel into, without what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / wheel[0]).write_bytes(wheel[1])
    words = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", folder / "site", folder / wheel[0]], check=True)
    return folder / "site"


def test_the_same_sources_give_the_same_bytes(wheel):
    assert runtime_wheel.runtime_wheel("1.2.3") == wheel
    assert runtime_wheel.runtime_wheel("1.2.4")[1] != wheel[1]


def test_pip_installs_it_and_python_finds_the_command_in_it(installed):
    code = "from mlcore.edge import agent, command; print(command.__file__, callable(command.main))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(installed / "mlcore" / "edge" / "command.py"), "True"], done.stderr


def test_it_names_its_command_and_what_it_needs(installed):
    (found,) = importlib.metadata.distributions(path=[str(installed)])
    assert found.metadata["Name"] == "edge-annotator-runtime"
    assert {(entry.name, entry.value) for entry in found.entry_points} == {("edge-annotator", "mlcore.edge.command:main")}
    assert parse_wheel_filename(runtime_wheel.runtime_wheel("1.2.3")[0])[:2] == (
        found.metadata["Name"],
        Version(found.version),
    )
    needs = [Requirement(line) for line in found.requires or ()]
    assert {one.name for one in needs if one.marker is None} == {"numpy", "pillow", "openvino", "cryptography"}
    extras = {one.name: str(one.marker) for one in needs if one.marker is not None}
    assert extras == {"opencv-python-headless": 'extra == "camera"', "paho-mqtt": 'extra == "mqtt"'}


def test_it_asks_for_the_versions_that_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {Requirement(line).name: Requirement(line).specifier for line in project["dependencies"]}
    for line in runtime_wheel.REQUIREMENTS:
        assert Requirement(line).specifier == asked[Requirement(line).name], line
    for extra, lines in runtime_wheel.EXTRAS.items():
        assert list(lines) == project["optional-dependencies"][extra]


def test_everything_below_the_runtime_is_inside_and_nothing_else(wheel):
    edge = ROOT / "mlcore" / "edge"
    sources = {
        path.relative_to(ROOT).as_posix() for path in edge.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(io.BytesIO(wheel[1])) as archive:
        code = {name for name in archive.namelist() if not name.startswith("edge_annotator_runtime-1.2.3.dist-info/")}
    assert code == sources | {"mlcore/__init__.py"}


def test_the_record_holds_for_every_file(wheel):
    with zipfile.ZipFile(io.BytesIO(wheel[1])) as archive:
        (record,) = [name for name in archive.namelist() if name.endswith("/RECORD")]
        rows = {row[0]: row[1:] for row in csv.reader(archive.read(record).decode().splitlines())}
        assert set(rows) == set(archive.namelist())
        for name, (digest, size) in rows.items():
            data = archive.read(name)
            ours = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (("", "") if name == record else (f"sha256={ours}", str(len(data))))
