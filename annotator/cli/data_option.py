"""The option --data, which commands that touch your data share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

DEFAULT = Path.home() / ".edge-annotator"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """--data DIR, else ANNOTATOR_DATA, else ~/.edge-annotator."""
    chosen = os.environ.get("ANNOTATOR_DATA")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", default=Path(chosen) if chosen else DEFAULT,
        help="the directory with everything that is yours (default: ANNOTATOR_DATA or ~/.edge-annotator)",
    )
