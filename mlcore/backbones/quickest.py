"""How a network runs quickest on this machine: tried once on it, and kept beside the network."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.device import Device, cpu_name_of_this_machine

# Images of a pass: few stay in a small cache, many fill a wide processor.
BATCHES = (8, 2)
# What OpenVINO takes by itself for 32 bits on AVX2 keeps a pixel's channels together; its older kernels, named here, keep
# pixels in blocks of eight channels, and were a fifth quicker on depthwise networks where both were measured.
BLOCKED = {"Convolution": "cpu:jit_avx2_1x1,cpu:jit_avx2", "GroupConvolution": "cpu:jit_avx2_dw"}
# Another way than the usual one has to be quicker by this share: less is chance.
WORTH = 0.03
ROUNDS = 3


@dataclass(frozen=True)
class Way:
    """blocked: whether by the kernels of BLOCKED. batch: images of a pass."""

    blocked: bool = False
    batch: int = BATCHES[0]


def read(core: Any, path: Path, *, blocked: bool) -> Any:
    """The network of an .xml and its .bin, asking for the kernels of BLOCKED or for none in particular."""
    if not blocked:
        return core.read_model(path)
    text = re.sub(r"<layer .*?</layer>", _asking, path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return core.read_model(text.encode(), path.with_suffix(".bin").read_bytes())


def quickest(compiled: Callable[[bool], Any], *, name: str, size: int, device: Device, folder: Path) -> Way:
    """The way that took the least CPU time on pictures of noise, or what an earlier trial on this machine found.

    compiled: the network compiled for batches up to the largest, by the kernels of BLOCKED or not. name, size: of the
    network, and the side of its input; fine-tuning changes neither.
    """
    way = known(name, device, folder)
    if way is None:
        way = _tried(compiled, size, blocked=(False, True) if _has_blocked(device) else (False,))
        kept = _kept(name, device, folder)
        beside = kept.with_suffix(f".{time.time_ns()}")
        beside.write_text(json.dumps({"machine": _machine(device), **asdict(way)}), encoding="utf-8")
        beside.replace(kept)
    return way


def known(name: str, device: Device, folder: Path) -> Way | None:
    """What a trial on this machine, with this OpenVINO, found; None where there was none."""
    try:
        found = json.loads(_kept(name, device, folder).read_text(encoding="utf-8"))
        if found["machine"] == _machine(device):
            return Way(blocked=bool(found["blocked"]), batch=int(found["batch"]))
    except (OSError, ValueError, KeyError, TypeError):
        # Not there, or not whole: it is tried again.
        pass
    return None


def _kept(name: str, device: Device, folder: Path) -> Path:
    return folder / f"{name}-{device.openvino_precision}.quickest.json"


def _has_blocked(device: Device) -> bool:
    """With AVX-512 OpenVINO's own choice is for that."""
    features = device.cpu_features
    return device.openvino_precision == "f32" and "avx2" in features and "avx512f" not in features


def _machine(device: Device) -> str:
    from mlcore.edge.engine import ov as openvino

    return f"{cpu_name_of_this_machine()} ({' '.join(device.cpu_features)}), OpenVINO {openvino.__version__}"


def _tried(compiled: Callable[[bool], Any], size: int, *, blocked: tuple[bool, ...]) -> Way:
    pixels = np.random.default_rng(0).integers(0, 256, (max(BATCHES), size, size, 3), np.uint8)
    requests = {}
    for kernels in blocked:
        try:
            requests[kernels] = compiled(kernels).create_infer_request()
        except RuntimeError:
            # This OpenVINO no longer has them.
            if not kernels:
                raise
    took: dict[Way, float] = {}
    # The first round warms up.
    for number in range(ROUNDS + 1):
        for way in (Way(kernels, batch) for kernels in requests for batch in BATCHES):
            began = time.process_time()
            requests[way.blocked].infer([pixels[: way.batch]], share_inputs=True)
            an_image = (time.process_time() - began) / way.batch
            took[way] = min(took.get(way, an_image), an_image) if number else float("inf")
    best = min(took, key=lambda way: took[way])
    return best if took[best] < (1 - WORTH) * took[Way()] else Way()


def _asking(layer: re.Match[str]) -> str:
    """One layer of an .xml, with the kernels that it is to be computed by where BLOCKED names some."""
    text = layer.group(0)
    kind = re.search(r'type="(\w+)"', text)
    wanted = BLOCKED.get(kind.group(1)) if kind else None
    if wanted is None:
        return text
    asked = f'<attribute name="primitives_priority" version="0" value="{wanted}" />'
    if "<rt_info>" in text:
        return text.replace("<rt_info>", f"<rt_info>{asked}", 1)
    return re.sub(r"(<data [^>]*/>)", rf"\1<rt_info>{asked}</rt_info>", text, count=1)
