"""Checkpoints: one safetensors file that appears whole or not at all, numbers and words together."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim import Optimizer

NAME = "checkpoint.safetensors"


def save(
    folder: Path, *, network: nn.Module, optimizer: Optimizer, best: dict[str, torch.Tensor], facts: dict[str, Any]
) -> None:
    """Write everything that the rest of the run depends on; `facts` is JSON-able."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for number, entry in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in entry.items()}
    beside = folder / f".{NAME}.part"
    plain = {name: value.detach().to("cpu").contiguous().clone() for name, value in tensors.items()}
    save_file(plain, beside, metadata={"facts": json.dumps(facts)})
    beside.replace(folder / NAME)


def load(
    folder: Path, *, network: nn.Module, optimizer: Optimizer
) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Put the newest checkpoint into network and optimiser; answers (best, facts), or None when there is none."""
    path = folder / NAME
    if not path.exists():
        return None
    groups: dict[str, dict[str, torch.Tensor]] = {"network": {}, "best": {}, "optimizer": {}}
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
        for key in file.keys():  # noqa: SIM118  it is no mapping
            group, _, name = key.partition(".")
            groups[group][name] = file.get_tensor(key)
    network.load_state_dict(groups["network"])
    entries: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in groups["optimizer"].items():
        number, _, what = name.partition(".")
        entries.setdefault(int(number), {})[what] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
    return groups["best"], facts
