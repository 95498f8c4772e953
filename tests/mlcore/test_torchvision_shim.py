"""torchvision works beside a CPU-only torch, and its operators answer what their definition says."""

import itertools
import math

import numpy as np
import pytest
import torch

from mlcore import torchvision_shim

torchvision_shim.ensure()
import torchvision  # noqa: E402  the shim has to come first


def plain_nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> list[int]:
    def iou(a, b):
        width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
        height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        both = width * height
        return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)

    order = sorted(range(len(boxes)), key=lambda i: -float(scores[i]))
    corners = boxes.double().tolist()
    kept: list[int] = []
    for i in order:
        if all(iou(corners[i], corners[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def plain_roi_align(image, rois, scale, height, width, ratio, aligned):
    """The definition, one sample at a time."""
    _, channels, rows, columns = image.shape
    out = np.zeros((len(rois), channels, height, width))

    def sample(map_, y, x):
        if y < -1 or y > rows or x < -1 or x > columns:
            return 0.0
        y, x = min(max(y, 0.0), rows - 1), min(max(x, 0.0), columns - 1)
        y0, x0 = int(y), int(x)
        y1, x1 = min(y0 + 1, rows - 1), min(x0 + 1, columns - 1)
        fy, fx = y - y0, x - x0
        return (
            map_[y0, x0] * (1 - fy) * (1 - fx)
            + map_[y0, x1] * (1 - fy) * fx
            + map_[y1, x0] * fy * (1 - fx)
            + map_[y1, x1] * fy * fx
        )

    for k, roi in enumerate(rois.tolist()):
        shift = 0.5 if aligned else 0.0
        x, y = roi[1] * scale - shift, roi[2] * scale - shift
        w, h = roi[3] * scale - shift - x, roi[4] * scale - shift - y
        if not aligned:
            w, h = max(w, 1.0), max(h, 1.0)
        ny = ratio if ratio > 0 else math.ceil(h / height)
        nx = ratio if ratio > 0 else math.ceil(w / width)
        for c, i, j in itertools.product(range(channels), range(height), range(width)):
            map_ = image[int(roi[0]), c].numpy()
            total = sum(
                sample(map_, y + (i + (a + 0.5) / ny) * h / height, x + (j + (b + 0.5) / nx) * w / width)
                for a in range(ny)
                for b in range(nx)
            )
            out[k, c, i, j] = total / max(ny * nx, 1)
    return out


def boxes_of(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + 5 + torch.rand(count, 2, generator=generator) * 40], dim=1)
    # Few distinct scores, so that ties are common.
    return boxes, torch.randint(0, 50, (count,), generator=generator) / 50


@pytest.mark.parametrize("count", [0, 1, 5, 255, 256, 257, 900])
@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_nms_keeps_what_the_definition_keeps(count, threshold):
    boxes, scores = boxes_of(count, seed=count)
    assert torchvision.ops.nms(boxes, scores, threshold).tolist() == plain_nms(boxes, scores, threshold)


def test_nms_by_class_never_lets_one_class_suppress_another():
    boxes, scores = boxes_of(200, seed=3)
    classes = torch.arange(200) % 4
    kept = set(torchvision.ops.batched_nms(boxes, scores, classes, 0.5).tolist())
    alone: set[int] = set()
    for c in range(4):
        rows = (classes == c).nonzero().flatten()
        alone |= {int(rows[i]) for i in plain_nms(boxes[rows], scores[rows], 0.5)}
    assert kept == alone


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [2, -1])
def test_roi_align_answers_its_definition(ratio, aligned):
    image = torch.randn(2, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    rois = torch.tensor(
        [[0, 2.0, 3.0, 30.0, 25.0], [1, -9.0, -4.0, 12.5, 60.0], [1, 5.0, 5.0, 5.2, 5.3], [0, 40.0, 30.0, 80.0, 70.0]]
    )
    got = torchvision.ops.roi_align(image, rois, (3, 2), 0.25, ratio, aligned)
    np.testing.assert_allclose(got.numpy(), plain_roi_align(image, rois, 0.25, 3, 2, ratio, aligned), atol=1e-5)


def test_roi_align_passes_gradients_to_the_feature_map():
    image = torch.randn(1, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, 0.5, 0.5, 3.5, 4.0]], dtype=torch.float64)

    def pooled(x: torch.Tensor) -> torch.Tensor:
        return torchvision.ops.roi_align(x, rois, (2, 2), 1.0, 2, True)

    pooled(image).sum().backward()
    step = torch.zeros_like(image)
    step[0, 0, 2, 2] = 0.5
    slope = (pooled(image + step) - pooled(image - step)).sum().item()
    assert image.grad[0, 0, 2, 2].item() == pytest.approx(slope, abs=1e-4)


def test_a_detector_runs_end_to_end():
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=3
    ).eval()
    with torch.inference_mode():
        found = model([torch.rand(3, 120, 160)])
    assert set(found[0]) == {"boxes", "labels", "scores"}


def test_nothing_is_defined_where_the_operators_load(monkeypatch):
    monkeypatch.setattr(torchvision_shim, "_operators_load", lambda: True)
    monkeypatch.setattr(torchvision_shim, "_define_operators", lambda: pytest.fail("defined an operator"))
    assert torchvision_shim.ensure.__wrapped__() is False
