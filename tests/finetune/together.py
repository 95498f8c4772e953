"""Run by a test: the tiny network, tuned by two processes that torchrun's own launcher starts.

They are forks of this process, so that torch is loaded once and not four times.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from mlcore.finetune.world import joined
from tests.finetune.tiny import tune, write_pictures


def work(folder: Path) -> int:
    """One of them; answers how many there are."""
    with joined("cpu") as world:
        result = tune(folder / "run", *write_pictures(folder / f"pictures{world.rank}"), world=world, batch=16)
        if world.leads:
            save_file(result.weights, folder / "together.safetensors")
        return world.size


if __name__ == "__main__":
    torch.set_num_threads(1)
    # What torch loads at the first optimiser, it loads before the processes part.
    torch.optim.AdamW([torch.zeros(1)])
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, start_method="fork", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        run_id="together", max_restarts=0, monitor_interval=0.1,
    )
    print(elastic_launch(config, work)(Path(sys.argv[1])))
