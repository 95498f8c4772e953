"""Run by torchrun in the tests: the tiny network, tuned by however many processes there are."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from mlcore.finetune.world import joined
from tests.finetune.tiny import tune, write_pictures

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with joined("cpu") as world:
        result = tune(folder / "run", *write_pictures(folder / f"pictures{world.rank}"), world=world, batch=16)
        if world.leads:
            save_file(result.weights, folder / "together.safetensors")
            (folder / "size").write_text(str(world.size))
