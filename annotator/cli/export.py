"""annotator export: the OpenVINO bundle of a project, made in this process; no server needs to run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.cli.project_argument import find_project, missing
from annotator.cli.without_site import hush_without_site
from annotator.config.database import open_database
from annotator.config.start import start_django

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator export PROJECT [--out DIR] [--max-drop SHARE] [--data]"""
    parser = subparsers.add_parser("export", help="make the OpenVINO bundle of a project")
    parser.add_argument("project", help="its name or number")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to put the zip (default: here)")
    parser.add_argument(
        "--max-drop", type=_share, default=0.01, metavar="SHARE",
        help="the accuracy that INT8 may lose before layers of it go back to floating point (default: %(default)s)",
    )
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the path of the zip, alone on standard output; what is going on goes to standard error."""
    start_django(args.data)
    open_database()

    from annotator.delivery.export import export_now
    from annotator.projects.tokens import owner

    hush_without_site()
    project = find_project(args.project)
    if project is None:
        raise missing(args.project)
    out_dir = args.out.expanduser().resolve()
    print(export_now(project=project, user=owner(), out_dir=out_dir, on_progress=Teller(), max_drop=args.max_drop))


def _share(word: str) -> float:
    try:
        share = float(word)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"'{word}' is not a share: write a number over 0 and at most 1, as 0.02")
    return share


class Teller:
    """Says each step once."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, share: float, message: str) -> None:
        if message != self._said:
            self._said = message
            print(f"{share:4.0%} {message}", file=sys.stderr, flush=True)
