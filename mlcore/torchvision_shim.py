"""Makes torchvision import beside a CPU-only torch, whose missing CUDA libraries keep torchvision's operators away.

The registry's torchvision wheel links its one operator library against CUDA. Beside a CPU build of torch that library
cannot load, and `import torchvision` ends in "operator torchvision::nms does not exist". Call `ensure()` before every
import of torchvision: where the library loads, nothing is defined; where it does not, non-maximum suppression and RoI
align are defined here through torch.library with torchvision's own signatures, in plain torch.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

BLOCK = 256
CHUNK = 4096
ROIS_AT_A_TIME = 32

_NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_ROI_ALIGN = (
    "(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor"
)


@cache
def ensure() -> bool:
    """Make `import torchvision` work; True when operators had to be defined here, False on a normal install.

    Raises ModuleNotFoundError when torchvision is not installed.
    """
    if _operators_load():
        return False
    library = _define_operators()
    import torchvision.extension
    import torchvision.ops

    # torchvision asks these before it calls an operator. A def, not a lambda: tracing compiles it to TorchScript.
    torchvision.extension._has_ops = _has_ops
    importlib.import_module("torchvision.ops.roi_align")._has_ops = _has_ops  # type: ignore[attr-defined]
    # The definitions live as long as the library object does.
    torchvision.extension._edge_annotator_operators = library
    return True


def nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices (k,) int64 of the boxes kept, best score first: dets (n, 4) as x1 y1 x2 y2, scores (n,).

    The same boxes as torchvision's own kernel, ties included: boxes are taken in blocks of the best, settled inside
    the block, and only the survivors are compared with what is left.
    """
    order = torch.sort(scores, stable=True, descending=True)[1]
    boxes = dets[order].to(torch.float64 if dets.dtype == torch.float64 else torch.float32)
    alive = torch.ones(len(boxes), dtype=torch.bool)
    kept: list[Tensor] = []
    for start in range(0, len(boxes), BLOCK):
        block = start + alive[start : start + BLOCK].nonzero().flatten()
        block = block[_survivors(boxes[block], iou_threshold)]
        kept.append(block)
        rest = start + BLOCK + alive[start + BLOCK :].nonzero().flatten()
        for part in rest.split(CHUNK):
            alive[part] &= ~(_iou(boxes[block], boxes[part]) > iou_threshold).any(0)
    return order[torch.cat(kept)] if kept else order


def roi_align(
    input: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """(K, C, pooled_height, pooled_width): averages of bilinear samples of input (N, C, H, W) in rois (K, 5).

    A roi is (image, x1, y1, x2, y2). Sampling and averaging act on rows and columns apart, so each roi is two small
    matrices around its feature map: rows @ map @ columns. Differentiable in input.
    """
    with torch.autocast(input.device.type, enabled=False):
        maps, boxes = input.float(), rois.float()
        shift = 0.5 if aligned else 0.0
        start = boxes[:, 1:3] * spatial_scale - shift
        size = boxes[:, 3:5] * spatial_scale - shift - start
        if not aligned:
            size = size.clamp(min=1.0)
        columns = _sampling(start[:, 0], size[:, 0], pooled_width, input.shape[3], sampling_ratio)
        rows = _sampling(start[:, 1], size[:, 1], pooled_height, input.shape[2], sampling_ratio)
        out = maps.new_zeros((len(boxes), input.shape[1], pooled_height, pooled_width))
        image_of = boxes[:, 0].long()
        for image in range(input.shape[0]):
            for some in (image_of == image).nonzero().flatten().split(ROIS_AT_A_TIME):
                pooled = torch.einsum("khy,cyx,kwx->kchw", rows[some], maps[image], columns[some])
                out = out.index_copy(0, some, pooled)
    return out.to(input.dtype)


def _sampling(start: Tensor, size: Tensor, bins: int, length: int, sampling_ratio: int) -> Tensor:
    """(K, bins, length): how much each cell of a row or column counts in each bin."""
    per_bin = size / bins
    samples = torch.full_like(size, sampling_ratio) if sampling_ratio > 0 else per_bin.ceil().clamp(min=0)
    most = max(int(samples.max()), 1) if len(samples) else 1
    number = torch.arange(most, dtype=size.dtype)
    inside_bin = (number + 0.5) / samples.clamp(min=1)[:, None]
    position = (
        start[:, None, None]
        + (torch.arange(bins, dtype=size.dtype)[:, None] + inside_bin[:, None, :]) * per_bin[:, None, None]
    )
    counted = (number < samples[:, None])[:, None, :] & (position >= -1.0) & (position <= length)
    reach = position.clamp(0, length - 1)[..., None] - torch.arange(length, dtype=size.dtype)
    weight = (1.0 - reach.abs()).clamp(min=0.0) * counted[..., None]
    return weight.sum(dim=2) / samples.clamp(min=1)[:, None, None]


def _survivors(boxes: Tensor, iou_threshold: float) -> Tensor:
    """(m,) bool: what greedy suppression keeps of boxes (m, 4) that are sorted best first."""
    overlapping = (_iou(boxes, boxes) > iou_threshold).numpy()
    dead = torch.zeros(len(boxes), dtype=torch.bool).numpy()
    for i in range(len(boxes)):
        if not dead[i]:
            dead[i + 1 :] |= overlapping[i, i + 1 :]
    return torch.from_numpy(~dead)


def _iou(left: Tensor, right: Tensor) -> Tensor:
    """(n, m) intersection over union of boxes (n, 4) and (m, 4)."""
    area_left = (left[:, 2] - left[:, 0]) * (left[:, 3] - left[:, 1])
    area_right = (right[:, 2] - right[:, 0]) * (right[:, 3] - right[:, 1])
    low = torch.maximum(left[:, None, :2], right[None, :, :2])
    high = torch.minimum(left[:, None, 2:], right[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    return shared / (area_left[:, None] + area_right[None, :] - shared)


def _has_ops() -> bool:
    return True


def _operators_load() -> bool:
    """Whether torchvision's own operator library loads, tried in the way that torchvision tries it."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("torchvision is not installed; run `pip install torchvision`.", name="torchvision")
    for path in Path(next(iter(spec.submodule_search_locations))).glob("_C*"):
        try:
            torch.ops.load_library(str(path))
        except OSError:
            continue
    return hasattr(torch.ops.torchvision, "nms")


def _define_operators() -> Any:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + _NMS)
        library.impl(name, nms, "CPU")
    library.define("roi_align" + _ROI_ALIGN)
    library.impl("roi_align", roi_align, "CompositeImplicitAutograd")
    return library
