"""Several threads may use the engine from its first moment on."""

from __future__ import annotations

import subprocess
import sys

# Without what `engine` does on import, about every second such process never ends.
TRIES = 5
FIRST_USE = """
import sys, threading
from mlcore.edge.engine import ov
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
def use():
    together.wait()
    ov.Type.u8.to_dtype()
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_that_begin_at_once_do_not_wait_for_each_other_for_ever() -> None:
    for _ in range(TRIES):
        subprocess.run([sys.executable, "-c", FIRST_USE], check=True, timeout=120)
