"""annotator finetune: fine-tune the backbone of a project in this process; no server needs to run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotator.cli.data_option import add_data_option
from annotator.cli.project_argument import find_project, missing
from annotator.cli.without_site import LATER, hush_without_site
from annotator.config.database import open_database
from annotator.config.start import start_django

if TYPE_CHECKING:
    from annotator.cli import Parsers


def add_parser(subparsers: Parsers) -> None:
    """annotator finetune PROJECT [--mode] [--epochs N] [--backbone NAME] [--processes N] [--prepare DIR | --take DIR]"""
    parser = subparsers.add_parser("finetune", help="fine-tune the backbone of a project on its labels")
    parser.add_argument("project", help="its name or number")
    parser.add_argument("--mode", default="partial", choices=["partial", "full"], help="how much (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="passes over the images (default: what suits the mode)")
    parser.add_argument("--backbone", default="", metavar="NAME", help="what to train (default: the one at work)")
    parser.add_argument("--no-mirror", action="store_true", help="show no mirrored images: left and right are classes")
    parser.add_argument("--processes", type=int, default=1, help="train together, one for each GPU (default: %(default)s)")
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument("--prepare", type=Path, metavar="DIR", help="only write the task there, for torchrun elsewhere")
    elsewhere.add_argument("--take", type=Path, metavar="DIR", help="bring back what torchrun has trained there")
    add_data_option(parser)


def run(args: argparse.Namespace) -> None:
    """Prints how far it is, and at the end what became of it."""
    start_django(args.data)
    open_database()

    from annotator.learning import finetune_run
    from annotator.projects.tokens import owner

    alone = hush_without_site()
    project = find_project(args.project)
    if project is None:
        raise missing(args.project)
    if args.take:
        print(finetune_run.bring_back(project=project, user=owner(), folder=args.take.expanduser().resolve()))
    else:
        wanted: dict[str, Any] = {"mode": args.mode, "epochs": args.epochs, "backbone": args.backbone}
        wanted["mirror"] = not args.no_mirror
        if args.prepare:
            print(finetune_run.prepare(project=project, folder=args.prepare.expanduser().resolve(), **wanted))
            return
        wanted["processes"] = args.processes
        print(finetune_run.finetune_now(project=project, user=owner(), on_progress=_say, **wanted))
    if alone:
        print(LATER)


def _say(done: int, total: int, message: str) -> None:
    print(f"{done / total:4.0%} {message}", file=sys.stderr, flush=True)
