"""How the device is: memory, processor, disk; and, once, what kind of machine it is."""

import os
import platform
import shutil
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlcore.edge.engine import ov

# Under these names the runtime may be installed: as the workspace's wheel, or with the whole application.
_PACKAGES = ("edge-annotator-runtime", "edge-annotator")


class Health:
    """Measures this process and its machine; a value that the system does not tell is None."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cpu = (time.monotonic(), time.process_time())
        self._began = time.monotonic()

    def read(self) -> dict[str, Any]:
        """``cpu``: percent of one core since the last reading; ``memory_mb`` of this process; free disk and load."""
        now, used = time.monotonic(), time.process_time()
        before, used_before = self._cpu
        self._cpu = (now, used)
        try:
            disk: int | None = shutil.disk_usage(self._folder).free >> 20
        except OSError:
            disk = None
        return {
            "cpu": round(100 * (used - used_before) / max(now - before, 1e-3), 1),
            "memory_mb": _memory_mb(),
            "disk_free_mb": disk,
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "up_seconds": int(now - self._began),
        }


def describe_machine() -> dict[str, Any]:
    """What the device page shows of a machine: system, processor, what OpenVINO finds, versions."""
    return {
        "hostname": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": _total_memory_mb(),
        "python": platform.python_version(),
        "openvino": ov.get_version(),
        "devices": list(ov.Core().available_devices),
        "runtime": runtime_version(),
    }


def runtime_version() -> str:
    """The version of this package as installed, empty when it runs from a folder."""
    for name in _PACKAGES:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


def _memory_mb() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 1)


def _total_memory_mb() -> int | None:
    if sys.platform == "win32":
        return None
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    except (ValueError, OSError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor()
