"""Two processes under torchrun come to what one comes to with all images of each step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.docs.markdown import ROOT
from tests.finetune.tiny import tune, write_pictures


def test_their_weights_are_those_of_one(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [*torchrun, "-m", "tests.finetune.together", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True)
    together = load_file(tmp_path / "together.safetensors")
    alone = tune(tmp_path / "alone", *write_pictures(tmp_path / "pictures"), batch=16).weights

    assert (tmp_path / "size").read_text() == "2"
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, atol=1e-5, rtol=1e-4, msg=name)
