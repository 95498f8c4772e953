"""One thread for small matrices: threads of BLAS that wait for each other burn more time than they save."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import scipy.linalg  # noqa: F401  brings a BLAS of its own, which has to be there when the libraries are looked for
from threadpoolctl import ThreadpoolController


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
