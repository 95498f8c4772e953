"""A function over many things in several threads: results in the order of the things, few of them in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

# So many results may wait for a slow one before them, for each thread.
_AHEAD = 2


def in_order(function: Callable[[Thing], Result], things: Iterable[Thing], *, threads: int) -> Iterator[Result]:
    """Yield ``function(thing)`` for each thing; ``things`` is read in the caller's thread, as far ahead as threads are busy.

    Raises what ``function`` or ``things`` raise, at that thing's turn; what is under way then is waited for.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="answer") as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(function, thing))
                if len(waiting) > threads * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
