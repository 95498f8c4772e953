"""How much memory a network takes: loaded, run and measured in a process of its own.

    python -m mlcore.measure_memory model.xml FP16

Prints one number: by how many bytes the process has grown beyond OpenVINO itself.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlcore.edge.engine import ov
from mlcore.edge.runtime import compile_options

# Pictures answered before the second look: buffers are made at the first few.
_ANSWERS = 4
_PATIENCE = 120.0


def measure_memory(irs: Mapping[str, Path]) -> dict[str, int]:
    """Bytes that loading and running each IR at batch 1 adds to a process; a precision whose process fails is left out."""
    found = {}
    for precision, xml in irs.items():
        command = [sys.executable, "-m", "mlcore.measure_memory", str(xml), precision]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
            found[precision] = int(done.stdout)
        except (subprocess.SubprocessError, ValueError):
            continue
    return found


def growth(xml: Path, precision: str) -> int:
    """By how many bytes this process grows when it loads an IR and answers with it."""
    import psutil

    me = psutil.Process()
    core = ov.Core()
    core.get_property("CPU", "FULL_DEVICE_NAME")  # the plugin is there whichever network follows
    before = me.memory_info().rss
    request = core.compile_model(xml, "CPU", compile_options(precision)).create_infer_request()
    for _ in range(_ANSWERS):
        request.infer()
    return max(0, int(me.memory_info().rss - before))


if __name__ == "__main__":
    print(growth(Path(sys.argv[1]), sys.argv[2]))  # noqa: T201
