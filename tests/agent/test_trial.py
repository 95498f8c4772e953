"""A new bundle proves itself in a process of its own, and however that ends is told in a sentence."""

import json
import time
from pathlib import Path

import pytest

from mlcore.edge.agent import prove as proving
from mlcore.edge.agent.download import Stopped
from mlcore.edge.agent.prove import TrialFailed, prove
from mlcore.edge.agent.trial import main, try_bundle
from mlcore.edge.manifest import BundleProblem, digest
from tests.export.tiny import unpack


@pytest.fixture
def bundle(zips, tmp_path) -> Path:
    return unpack(zips[1], tmp_path / "bundle")


def go(folder, never=lambda seconds: False, **changes):
    return prove(folder, **{"precision": None, "device": "CPU", "budget_ms": None, "wait": never, **changes})


def sleeping(seconds):
    time.sleep(seconds)
    return False


def test_a_good_bundle_is_measured(bundle):
    measured = try_bundle(bundle, None, "CPU")
    assert 0 < measured["p50_ms"] <= measured["p95_ms"]
    assert measured["agreement"] == 1.0
    assert (measured["precision"], measured["on"]) == ("FP16", "CPU")


def test_a_bundle_that_answers_otherwise_is_refused(bundle):
    """Another model in the place of this one: right in every file, wrong in what it says."""
    expected = bundle / "golden" / "expected.json"
    said = json.loads(expected.read_text())
    said["pictures"][0]["logits"]["FP16"] = [5.0, 0.0, 0.0][::-1]
    expected.write_text(json.dumps(said))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["golden/expected.json"] = {"sha256": digest(expected), "size": expected.stat().st_size}
    for name in ("model.sig", "workspace.pub"):
        (bundle / name).unlink()
        manifest["files"].pop(name, None)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleProblem, match="answered otherwise than where the bundle was made"):
        try_bundle(bundle, None, "CPU")


def test_a_model_that_is_too_slow_is_refused():
    result = json.dumps({"ok": True, "p50_ms": 31.25})
    with pytest.raises(TrialFailed, match=r"longer than 31\.2 ms, the budget is 25 ms"):
        proving._judge(proving._read(0, result.encode(), b""), 25)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("killed", "ended by the system, most likely because the device has too little memory"),
        ("crashes", "crashed \\(SIGSEGV\\)"),
        ("raises", "ended with code 1: RuntimeError: nobody knows why"),
        ("talks", "ended with code 0: no word"),
    ],
)
def test_a_trial_that_dies_is_told(monkeypatch, tmp_path, how, sentence):
    monkeypatch.setattr(proving, "_MODULE", "tests.agent.misbehaving")
    with pytest.raises(TrialFailed, match=sentence):
        go(tmp_path / how, wait=sleeping)


def test_a_trial_that_hangs_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(proving, "_MODULE", "tests.agent.misbehaving")
    with pytest.raises(TrialFailed, match=r"did not finish its trial within 0\.1 seconds"):
        go(tmp_path / "hangs", wait=sleeping, limit=0.1)


def test_a_trial_ends_when_the_agent_does(monkeypatch, tmp_path):
    monkeypatch.setattr(proving, "_MODULE", "tests.agent.misbehaving")
    with pytest.raises(Stopped):
        go(tmp_path / "hangs", wait=lambda seconds: True)


def test_a_damaged_bundle_is_told_in_the_line(bundle, capsys, monkeypatch):
    (bundle / "labels.json").write_text("{}")
    for name in ("_end_with_the_agent", "_be_the_first_to_go"):
        monkeypatch.setattr(f"mlcore.edge.agent.trial.{name}", lambda: None)
    assert main([str(bundle), "--device", "CPU"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert "labels.json" in said["why"]
