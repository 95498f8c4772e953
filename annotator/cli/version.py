"""annotator version."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from annotator import __version__

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator version"""
    subparsers.add_parser("version", help="print the version")


def run(args: argparse.Namespace) -> None:
    """One word, for scripts."""
    print(__version__)
