"""What a bundle carries beside its model: a card to read, numbers and pictures to check by, files to run it with."""

from __future__ import annotations

import configparser
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore import golden as recorded
from mlcore.bundle import Papers
from mlcore.edge import golden
from mlcore.edge.manifest import BundleProblem
from mlcore.edge.reference import Reference
from mlcore.edge.runtime import Model
from mlcore.evaluation import Estimate
from mlcore.model_card import CardFacts, ClassFacts
from mlcore.reference import build_reference
from tests.export.tiny import build_colour_bundle, jpeg, row, unpack

CARD = CardFacts(
    classes=(
        ClassFacts(40, 12, Estimate(0.9, 0.6, 0.98), Estimate(0.75, 0.47, 0.91)),
        ClassFacts(30, 11, None, Estimate(0.5, 0.2, 0.8)),
        ClassFacts(4, 0),
    ),
    guidelines="# Look twice\nRed is **red**.",
    strategy="margin",
    confidence_images=50,
)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def reference(seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    features = unit(rng.normal([3, 1, 1], 0.3, (400, 3)))
    return build_reference(
        features=features, probabilities=np.tile(np.float32([0.7, 0.2, 0.1]), (400, 1)), learnt=np.arange(400) < 300
    )


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def papers(key) -> Papers:
    return Papers(signing_key=key, reference=reference(), card=CARD)


@pytest.fixture(scope="module")
def info(papers, tmp_path_factory):
    pictures = [jpeg(colour) for colour in ("red", "green", "blue")]
    return build_colour_bundle(tmp_path_factory.mktemp("papers"), papers=papers, golden_images=pictures)


@pytest.fixture
def bundle(info, tmp_path) -> Path:
    return unpack(info.path, tmp_path / "bundle")


def test_the_same_bundle_built_twice_is_the_same_twice(info, papers, tmp_path):
    irs = {name: info.path.parent / name / "model.xml" for name in ("FP32", "FP16", "INT8")}
    pictures = [jpeg(colour) for colour in ("red", "green", "blue")]
    again = Papers(signing_key=papers.signing_key, reference=reference(), card=CARD)
    built = build_colour_bundle(tmp_path, irs=irs, papers=again, golden_images=pictures)
    assert built.path.read_bytes() == info.path.read_bytes()


def test_the_card_tells_what_for_what_from_how_good_and_where_it_ends(bundle):
    text = (bundle / "MODEL_CARD.md").read_text()
    assert "# Model card: Colours" in text
    assert "74 labelled images: red 40; green 30; deep blue 4." in text
    assert "> # Look twice\n> Red is **red**." in text
    assert "| red | 40 | 12 | 0.90 (0.60 - 0.98) | 0.75 (0.47 - 0.91) |" in text
    assert "| green | 30 | 11 | - | 0.50 (0.20 - 0.80) |" in text
    assert "| INT8 | 0.900 | 0.850 - 0.930 |" in text
    assert "Trained on fewer than 10 images: deep blue." in text
    assert "calibrated on 50 audit images" in text
    assert "none (Apache-2.0)." in text
    assert "ab" * 32 in text
    assert "$" not in text


def test_names_cannot_break_the_card_s_tables(tmp_path):
    info = build_colour_bundle(
        tmp_path, lineage={"project": "a | b\n# c $x"}, report=[row("FP32", accuracy=None, low=None, high=None, n=0)]
    )
    with zipfile.ZipFile(info.path) as archive:
        text = archive.read("MODEL_CARD.md").decode()
    assert r"# Model card: a \| b \# c $x" in text
    assert "Its accuracy was not measured" in text
    assert "not calibrated" in text


def test_a_device_finds_its_answers_as_they_were_recorded(bundle):
    for precision in ("FP32", "FP16", "INT8"):
        checked = golden.check(Model(bundle, precision))
        assert checked is not None
        assert (checked.pictures, checked.agreement) == (3, 1.0)
        assert checked.max_diff <= recorded.TOLERANCE["FP32"]
    said = json.loads((bundle / "golden" / "expected.json").read_text())
    assert [one["label"] for one in said["pictures"]] == ["red", "green", "deep blue"]


def test_a_device_that_answers_otherwise_is_told_by_which_picture(bundle):
    model = Model(bundle, "FP16")
    path = bundle / "golden" / "expected.json"
    said = json.loads(path.read_text())
    said["pictures"][1]["logits"]["FP16"] = [0.0, 0.0, 0.0]
    path.write_text(json.dumps(said))
    with pytest.raises(BundleProblem, match=r"golden/2\.jpg is answered otherwise"):
        golden.check(model)


def test_pictures_to_check_by_are_spread_and_readable():
    pictures = [jpeg((index, 0, 0)) for index in range(0, 90, 10)]
    assert len(recorded.choose(pictures)) == 3
    assert len(recorded.choose([b"none", *pictures[:2], b"none"])) == 2
    assert recorded.choose([b"none"]) == []


def test_the_reference_is_arrays_only_and_reads_back(bundle, tmp_path):
    found = Reference.read(bundle)
    assert found is not None
    assert found.centres.shape == (256, 3)
    assert found.confidence[14] == pytest.approx(1)
    assert found.images == 100
    assert found.torn_below(0.5) == pytest.approx(0.5)
    assert found.distance([-1, 0, 0]) > found.unseen_beyond > 0
    with pytest.raises(ValueError, match="shape"):
        found.distance([1.0])
    assert Reference.read(tmp_path) is None
    with np.load(bundle / "reference.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04N."])
def test_a_reference_that_is_none_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "reference.npz").write_bytes(content)
    with pytest.raises(BundleProblem, match=r"reference\.npz cannot be read"):
        Reference.read(tmp_path)


def test_where_all_was_learnt_from_the_distances_are_still_of_images_left_out():
    rng = np.random.default_rng(1)
    features = unit(rng.normal(size=(40, 8)))
    data = build_reference(features=features, probabilities=np.full((40, 2), 0.5, np.float32), learnt=np.ones(40, np.bool_))
    assert np.load(io.BytesIO(data))["distances"][99] > 0.1
    with pytest.raises(ValueError, match="at least one image"):
        build_reference(features=features, probabilities=np.ones((40, 1)), learnt=np.zeros(40, np.bool_))


def test_the_dockerfile_is_one_that_a_linter_takes(bundle):
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, bundle / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_unit_starts_the_command_and_is_closed_to_everything_else(bundle):
    unit_file = configparser.ConfigParser(strict=True, interpolation=None)
    unit_file.optionxform = str  # type: ignore[assignment,method-assign]
    unit_file.read(bundle / "edge-annotator.service")
    service = unit_file["Service"]
    assert re.search(r"python run\.py --serve --host 127\.0\.0\.1 ", service["ExecStart"])
    wanted = {"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "CapabilityBoundingSet": ""}
    assert wanted.items() <= dict(service).items()


def test_without_its_packages_the_command_says_how_to_install_them(bundle):
    words = [sys.executable, "-S", str(bundle / "run.py"), "sample.jpg"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("run.py: numpy is not installed: pip install -r requirements.txt")
