"""One thread for small matrices, whose threads would only wait for each other; all cores for blocks of a large array."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

import scipy.linalg  # noqa: F401  brings a BLAS of its own, which has to be there when the libraries are looked for
from threadpoolctl import ThreadpoolController

from mlcore import device

# Fewer rows than this are done before other threads have started.
MANY_ROWS = 50_000


@cache
def _libraries() -> ThreadpoolController:
    """Those that are loaded; looking for them takes milliseconds, so it is done once."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, or in a function that it decorates, BLAS uses one thread.

    A turn of the loop is many products of small matrices. With a thread a core, each waits in a busy loop for the others:
    on two cores that others use too, a turn took three times the CPU time and three times as long.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


def cores() -> int:
    """How many threads this process may keep busy: the cores it may run on, or fewer where OMP_NUM_THREADS says so."""
    available = device.cores()
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return min(available, int(wanted)) if wanted.isdecimal() and int(wanted) else available


def over_blocks(work: Callable[[slice], None], rows: int, block: int) -> None:
    """Call work with the slice of every block of so many of the rows; from MANY_ROWS on, on all cores at once.

    Numpy lets other threads run while it computes, and none of these waits for another before the end. Blocks are the same
    however many threads there are, so what each computes is too, to the bit; work must write to its own rows only.
    """
    blocks = [slice(start, min(start + block, rows)) for start in range(0, rows, block)]
    if rows < MANY_ROWS:
        for one in blocks:
            work(one)
        return
    # For a single thread too: BLAS with several gives other last digits.
    with one_thread(), ThreadPoolExecutor(min(cores(), len(blocks)), "blocks") as pool:
        for _ in pool.map(work, blocks):
            pass
