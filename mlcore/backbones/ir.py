"""A backbone as OpenVINO IR on disk, made once, so that a worker starts without torch."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlcore.backbones.spec import Backbone

# How the folders are called in which a network is written before it is moved to its place.
_BESIDE = "making-"


def default_folder() -> Path:
    """`$ANNOTATOR_DATA/ir`, or the user's cache folder where that is not set."""
    data = os.environ.get("ANNOTATOR_DATA")
    if data:
        return Path(data) / "ir"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "edge-annotator" / "ir"


def cached_ir(backbone: Backbone, precision: str, folder: Path | None = None) -> Path:
    """Path of the .xml: uint8 (n, s, s, 3) RGB, normalisation folded in -> float32 (n, dim).

    Only a missing file imports torch. Of processes that miss it at once, one makes it and the others wait. It is written
    beside and renamed, weights first.
    """
    folder = folder or default_folder()
    target = folder / f"{backbone.fingerprint(precision)}.xml"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        if not target.exists():
            _convert(backbone, target)
    return target


def _convert(backbone: Backbone, target: Path) -> None:
    from mlcore.edge.engine import ov as openvino

    # Whoever holds the lock is alone, so these were left by one that was killed.
    for left in target.parent.glob(f"{_BESIDE}*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_BESIDE, dir=target.parent) as beside:
        made = Path(beside) / "model.xml"
        openvino.save_model(_converted(backbone), made, compress_to_fp16=False)
        made.with_suffix(".bin").replace(target.with_suffix(".bin"))
        made.replace(target)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _converted(backbone: Backbone) -> Any:
    import torch
    from openvino.preprocess import PrePostProcessor

    from mlcore.edge.engine import ov as openvino

    size = backbone.input_size
    example = torch.zeros(1, 3, size, size)
    # Traced here, because OpenVINO has torch trace twice more and compare: two thirds of the time, for nothing.
    with torch.no_grad():
        traced = torch.jit.trace(backbone.module(), example, check_trace=False, strict=False)
    model = openvino.convert_model(traced, example_input=example, input=[-1, 3, size, size])
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(list(backbone.mean)).scale(list(backbone.scale))
    return steps.build()
