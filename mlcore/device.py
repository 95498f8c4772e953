"""Which device computes, at which precision, and why: the one place that decides."""

import importlib.util
import os
import platform
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

# /proc/cpuinfo's names (left) and the names people use (right) of what changes speed.
_FEATURES = {
    "avx2": "avx2",
    "avx512f": "avx512f",
    "avx512_bf16": "avx512_bf16",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "amx_bf16": "amx_bf16",
    "amx_int8": "amx_int8",
    "bf16": "arm_bf16",
    "asimddp": "arm_dotprod",
    "i8mm": "arm_i8mm",
}
_BF16 = ("avx512_bf16", "amx_bf16", "arm_bf16")


@dataclass(frozen=True)
class Device:
    """One answer for torch and OpenVINO. why: a sentence for people."""

    kind: Literal["cpu", "cuda", "xpu"]
    name: str
    torch_dtype: Literal["bfloat16", "float32"]
    openvino_device: str
    openvino_precision: Literal["bf16", "f32", "f16"]
    cpu_features: tuple[str, ...]
    why: str


def pick(prefer: str = "auto") -> Device:
    """The fastest device there is, or the one preferred: "auto", "cpu", "cuda" or "xpu".

    CUDA serves training; features and delivery always go through OpenVINO, which drives CPUs and Intel GPUs. Works
    without torch, and imports it only where it was built for an accelerator. Raises ValueError for an unknown or
    absent device.
    """
    if prefer not in ("auto", "cpu", "cuda", "xpu"):
        raise ValueError(f"Unknown device {prefer!r}; choose auto, cpu, cuda or xpu.")
    features, cpu_name = cpu_features(), cpu_name_of_this_machine()
    has_bf16 = any(name in features for name in _BF16)
    reason = f"bfloat16, because it has {_first(features)}" if has_bf16 else "float32, because it lacks bfloat16"
    if prefer != "cpu":
        found = _accelerator(prefer)
        if found is not None:
            kind, name, dtype = found
            intel_gpu = kind == "xpu" and _openvino_has("GPU")
            return Device(
                kind=kind,
                name=name,
                torch_dtype=dtype,
                openvino_device="GPU" if intel_gpu else "CPU",
                openvino_precision="f16" if intel_gpu else ("bf16" if has_bf16 else "f32"),
                cpu_features=features,
                why=f"{name} was found by torch ({kind}); it trains in {dtype}.",
            )
        if prefer != "auto":
            raise ValueError(f"torch finds no {prefer} device here; choose auto or cpu.")
    return Device(
        kind="cpu",
        name=cpu_name,
        torch_dtype="bfloat16" if has_bf16 else "float32",
        openvino_device="CPU",
        openvino_precision="bf16" if has_bf16 else "f32",
        cpu_features=features,
        why=f"{cpu_name} computes in {reason}.",
    )


@cache
def cpu_features() -> tuple[str, ...]:
    """What this processor offers of AVX2, AVX-512 (F, BF16, VNNI), AVX-VNNI, AMX and Arm's counterparts."""
    flags = set(_cpuinfo("flags").split()) | set(_cpuinfo("Features").split())
    return tuple(name for flag, name in _FEATURES.items() if flag in flags)


def cores() -> int:
    """Cores that this process may run on; macOS does not tell, so there it is all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def cpu_name_of_this_machine() -> str:
    """The processor's own name, or its architecture where the system does not tell."""
    return _cpuinfo("model name") or platform.processor() or platform.machine() or "CPU"


def _cpuinfo(key: str) -> str:
    """The first value of a key in /proc/cpuinfo; empty where the system has no such file (macOS, Windows)."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _first(features: tuple[str, ...]) -> str:
    return next(name for name in _BF16 if name in features)


def _accelerator(prefer: str) -> tuple[Literal["cuda", "xpu"], str, Literal["bfloat16", "float32"]] | None:
    """Kind, name and best precision of the accelerator that torch drives, or None."""
    if not _torch_drives_accelerators():
        return None
    import torch

    if prefer in ("auto", "cuda") and torch.cuda.is_available():
        return "cuda", torch.cuda.get_device_name(0), "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if prefer in ("auto", "xpu") and torch.xpu.is_available():
        return "xpu", torch.xpu.get_device_name(0), "bfloat16"
    return None


@cache
def _torch_drives_accelerators() -> bool:
    """Whether torch is there and was built for more than CPUs. Reads its version file: importing torch takes seconds."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return False
    version = Path(next(iter(spec.submodule_search_locations))) / "version.py"
    built_for = re.findall(r"^(?:cuda|hip|xpu)\b[^=]*= *(.+)$", version.read_text(), re.MULTILINE)
    return any(value.strip() != "None" for value in built_for)


def _openvino_has(device: str) -> bool:
    if importlib.util.find_spec("openvino") is None:
        return False
    from mlcore.edge.engine import ov as openvino

    return any(name.split(".")[0] == device for name in openvino.Core().available_devices)
