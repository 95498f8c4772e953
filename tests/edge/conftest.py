"""An unpacked bundle that tells red from green from blue."""

from pathlib import Path

import pytest

from mlcore.edge.runtime import Model
from tests.export.tiny import COLOURS, build_colour_bundle, jpeg, unpack


@pytest.fixture(scope="session")
def colour_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_colour_bundle(tmp_path_factory.mktemp("colours")).path


@pytest.fixture
def bundle(colour_zip: Path, tmp_path: Path) -> Path:
    """A fresh copy, to damage at will."""
    return unpack(colour_zip, tmp_path / "bundle")


@pytest.fixture(scope="session")
def model(colour_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(unpack(colour_zip, tmp_path_factory.mktemp("unpacked")))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with one picture a colour, and one below."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for name, rgb in COLOURS.items():
        (folder / f"{name}.jpg").write_bytes(jpeg(rgb))
    (folder / "below" / "red again.PNG").write_bytes((folder / "red.jpg").read_bytes())
    (folder / "notes.txt").write_text("not a picture")
    return folder
