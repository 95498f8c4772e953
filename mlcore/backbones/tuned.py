"""Fine-tuned backbones: a folder each, with the weights and a card that says what they were made from."""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.backbones.spec import Backbone

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
SPEC = "spec.json"
# Names come from requests: nothing else is ever looked for on disk.
NAME = re.compile(r"tuned-[0-9a-f]{12}")

Build = Callable[[Path | None], "torch.nn.Module"]


class TunedProblem(ValueError):
    """The folder of a fine-tuned backbone cannot be used; the message says why."""


def is_tuned(name: str) -> bool:
    """Whether this is a name that a fine-tuned backbone can have."""
    return NAME.fullmatch(name) is not None


def tuned(folder: Path, registry: Mapping[str, Backbone]) -> Backbone:
    """The backbone kept in a folder. registry: where its base is. Raises TunedProblem."""
    try:
        card = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        base = registry[card["base"]]
        return Backbone(
            name=folder.name,
            title=str(card["title"]),
            dim=int(card["dim"]),
            input_size=int(card["input_size"]),
            mean=_three(card["mean"]),
            scale=_three(card["scale"]),
            licence=str(card["licence"]),
            how_to_get="Fine-tune it again, or bring its folder back.",
            find_weights=partial(_file, folder / WEIGHTS),
            build=partial(_build, base.build),
            base=base.name,
            macs=base.macs,
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TunedProblem(f"The fine-tuned backbone {folder.name} cannot be read: {error!r}. Fine-tune anew.") from error


def save_tuned(
    root: Path,
    *,
    base: Backbone,
    state_dict: "Mapping[str, torch.Tensor]",
    recipe: Mapping[str, Any],
    made_at: str,
    title: str = "",
) -> str:
    """Keep fine-tuned weights in a new folder below root and answer its name, tuned-<12 hex of the weights>.

    base: the backbone that was trained (one of the registry, or one that was itself tuned from it). state_dict: as
    `base.module().state_dict()` gives it. recipe: how they came about, in what JSON can hold. The folder appears
    whole: the same weights twice are kept once.
    """
    from safetensors.torch import save_file

    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".making-") as place:
        made = Path(place) / "tuned"
        made.mkdir()
        # A copy of each, because safetensors refuses tensors that share memory.
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state_dict.items()}, made / WEIGHTS)
        with (made / WEIGHTS).open("rb") as file:
            name = f"tuned-{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
        card = {
            "base": base.base or base.name, "input_size": base.input_size, "mean": base.mean, "scale": base.scale,
            "dim": base.dim, "licence": base.licence, "title": title or f"{base.title}, fine-tuned",
            "recipe": dict(recipe), "made_at": made_at,
        }
        (made / SPEC).write_text(json.dumps(card, indent=2), encoding="utf-8")
        if not (root / name).exists():
            made.replace(root / name)
    return name


def _build(build: Build, weights: Path | None) -> "torch.nn.Module":
    """The base's layers with the tuned weights; the base's own weights are not needed."""
    module = build(None)
    if weights is not None:
        from safetensors.torch import load_file

        module.load_state_dict(load_file(weights))
    return module


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
