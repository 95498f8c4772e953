"""What this machine can do: device and precision, the processor's features, memory, disk."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from annotator.diagnosis.finding import Finding, note, ok, problem

GB = 1_000_000_000
LITTLE_DISK, LOW_DISK = 10 * GB, 1 * GB
LITTLE_MEMORY = 3 * GB

# What people ask for, which names of the processor mean it, and what its absence costs.
FEATURES = (
    ("AVX-512", ("avx512f",), "arithmetic runs at AVX2 width; nothing is lost but speed"),
    ("BF16", ("avx512_bf16", "amx_bf16", "arm_bf16"), "features are computed in float32, in about twice the time"),
    ("VNNI", ("avx512_vnni", "avx_vnni", "arm_dotprod"), "an INT8 bundle gains less speed here; measure it on the device"),
    ("AMX", ("amx_bf16", "amx_int8"), "large matrix products run on the vector units instead"),
)


def examine_hardware(data_dir: Path, prefer: str) -> list[Finding]:
    """Every finding about the machine. `prefer` is what ANNOTATOR_DEVICE says. Imports torch: that takes seconds."""
    return [_device(prefer), *_features(), _openvino(), _memory(), _disk(data_dir)]


def _device(prefer: str) -> Finding:
    from mlcore.device import pick

    try:
        device = pick(prefer)
    except ValueError as error:
        return problem("device", str(error), "Set ANNOTATOR_DEVICE to auto, or install that device's driver and its torch.")
    detail = f"{device.why} Features: OpenVINO on {device.openvino_device} in {device.openvino_precision}."
    return ok("device", f"{detail} Training: torch on {device.kind} in {device.torch_dtype}.")


def _features() -> list[Finding]:
    from mlcore.device import cpu_features

    has = cpu_features()
    found = []
    for title, names, absence in FEATURES:
        present = [name for name in names if name in has]
        if present:
            found.append(ok(f"CPU feature {title}", ", ".join(present)))
        else:
            mend = f"Nothing needs mending: {absence}. A newer processor has it; a virtual machine may be hiding it."
            found.append(note(f"CPU feature {title}", "not on this processor", mend))
    return found


def _openvino() -> Finding:
    try:
        from mlcore.edge.engine import ov as openvino
    except ImportError as error:
        return problem("OpenVINO devices", str(error), "Run: pip install openvino")
    return ok("OpenVINO devices", f"{', '.join(openvino.Core().available_devices)} (OpenVINO {openvino.__version__})")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    detail = f"{memory.available / GB:.1f} GB free of {memory.total / GB:.1f} GB; {os.cpu_count()} cores"
    if memory.available < LITTLE_MEMORY:
        return note("memory", detail, "Exports need about 2 GB: close other programs before one.")
    return ok("memory", detail)


def _disk(data_dir: Path) -> Finding:
    usage = psutil.disk_usage(str(data_dir))
    detail = f"{usage.free / GB:.1f} GB free of {usage.total / GB:.1f} GB at {data_dir}"
    mend = "Make room, or move the data directory to a larger disk and name it with --data or ANNOTATOR_DATA."
    if usage.free < LOW_DISK:
        return problem("disk", detail, mend)
    if usage.free < LITTLE_DISK:
        return note("disk", detail, mend)
    return ok("disk", detail)
