"""A measurement in parts, each kept when it is done: it can be stopped, or taken in short turns on a shared machine."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def add_options(parser: argparse.ArgumentParser) -> None:
    """--cache and --parts."""
    parser.add_argument("--cache", type=Path, help="keep each part there, and do not measure again what is there")
    parser.add_argument("--parts", nargs="*", type=int, metavar="N", help="measure only these, into the cache")


def measured(parts: Sequence[Callable[[], Any]], options: argparse.Namespace) -> list[Any]:
    """Each part's result, from the cache where it is there; none when only some were to be measured."""
    chosen = range(len(parts)) if options.parts is None else options.parts
    results = [_kept(options.cache, number, parts[number]) for number in chosen]
    return results if options.parts is None else []


def _kept(cache: Path | None, number: int, part: Callable[[], Any]) -> Any:
    if cache is None:
        return part()
    path = cache / f"{number}.json"
    if not path.exists():
        result = part()
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result))
    return json.loads(path.read_text())
