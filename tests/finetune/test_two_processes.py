"""Two processes under torchrun come to what one comes to with all images of each step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.docs.markdown import ROOT
from tests.finetune.tiny import network, tune, write_pictures


def test_their_weights_are_those_of_one(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.finetune.together", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(words, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    together = load_file(tmp_path / "together.safetensors")
    alone = tune(tmp_path / "alone", *write_pictures(tmp_path / "pictures"), batch=16).weights

    assert said.strip() == "{0: 2, 1: 2}"
    untouched = network().state_dict()
    assert any((alone[name] - untouched[name]).abs().max() > 0.01 for name in alone if alone[name].is_floating_point())
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, atol=1e-5, rtol=1e-4, msg=name)
