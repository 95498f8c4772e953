"""How fast this processor computes on one thread at best, and how much a network has to compute."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from mlcore.backbones import Backbone
from mlcore.edge.engine import ov as openvino

SIDE = 1536
# A stack of 1 x 1 convolutions: what the bulk of a small network's arithmetic is.
LAYERS, CHANNELS, PIXELS = 8, 512, 28
TRIES = 3


def peaks(precision: str) -> dict[str, float]:
    """GFLOP per CPU second on one thread: of a matrix product in float32 and of convolutions in OpenVINO's `precision`."""
    left, right = (torch.rand(SIDE, SIDE) for _ in range(2))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    matmul = 2 * SIDE**3 / least(lambda: torch.mm(left, right)) / 1e9
    torch.set_num_threads(before)
    request = _stack(precision).create_infer_request()
    pixels = np.random.default_rng(0).random((1, CHANNELS, PIXELS, PIXELS), np.float32)
    flops = 2 * LAYERS * CHANNELS**2 * PIXELS**2
    return {"matmul": matmul, "convolutions": flops / least(lambda: request.infer([pixels])) / 1e9}


@cache
def flops_an_image(backbone: Backbone) -> int:
    """Multiplications and additions of one pass, as torch counts them."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        backbone.build(None).eval()(torch.zeros(1, 3, backbone.input_size, backbone.input_size))
    return int(counter.get_total_flops())


def least(work: Callable[[], Any], tries: int = TRIES) -> float:
    """The fewest CPU seconds of a few tries, after one to get warm."""
    work()
    took = []
    for _ in range(tries):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def least_in_turns(works: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """`least` of each, one after the other in every round, so that a busy machine slows them alike."""
    for work in works.values():
        work()
    took = dict.fromkeys(works, float("inf"))
    for _ in range(TRIES):
        for name, work in works.items():
            began = time.process_time()
            work()
            took[name] = min(took[name], time.process_time() - began)
    return took


@cache
def _stack(precision: str) -> Any:
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    given = ops.parameter([1, CHANNELS, PIXELS, PIXELS], np.float32)
    last = given
    for _ in range(LAYERS):
        weights = ops.constant(rng.standard_normal((CHANNELS, CHANNELS, 1, 1), np.float32) / CHANNELS**0.5)
        last = ops.relu(ops.convolution(last, weights, [1, 1], [0, 0], [0, 0], [1, 1]))
    model = openvino.Model([last], [given])
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    return openvino.Core().compile_model(model, "CPU", settings)
