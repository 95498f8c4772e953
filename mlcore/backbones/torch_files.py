"""Weights as torch keeps them on disk: found without importing torch, loaded without running anything in them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.backbones.spec import WrongFile

if TYPE_CHECKING:
    import torch


def load_pth(path: Path) -> "dict[str, torch.Tensor]":
    """The tensors of a .pth file; anything in it but tensors raises."""
    import torch

    tensors: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def downloads() -> Path:
    """torch.hub's folder of downloaded weights."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser() / "hub" / "checkpoints"


def downloaded(file: str) -> Path | None:
    """A file of that folder, or None while it is not there."""
    path = downloads() / file
    return path if path.is_file() else None


def download(url: str, file: str) -> Path:
    """Bring a file into that folder with torch.hub, which holds its SHA-256 against the one in its name.

    Raises OSError without a network, WrongFile where the hash is another.
    """
    from torch.hub import download_url_to_file

    path = downloads() / file
    path.parent.mkdir(parents=True, exist_ok=True)
    # Names end in -<first digits of the SHA-256>.pth.
    expected: Any = path.stem.rpartition("-")[2]
    try:
        download_url_to_file(url, str(path), hash_prefix=expected, progress=False)
    except RuntimeError as error:
        raise WrongFile(f"{file}: {error}.") from error
    return path
