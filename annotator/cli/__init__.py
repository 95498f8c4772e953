"""The command `annotator`: one file a command, and only the one that is asked for is imported."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TypeAlias

from annotator.projects.errors import DomainError
from annotator.supervisor.refusal import Refusal

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


@dataclass(frozen=True)
class Command:
    """Where a command lives, and what it does in a few words.

    Its module has `add_parser(subparsers)` and `run(args)`, which returns an exit code or None for success.
    """

    module: str
    summary: str


COMMANDS = {
    "up": Command("up", "start everything on this machine and print the address"),
    "import": Command("import_images", "bring a folder, a zip or a picture into a project"),
    "export": Command("export", "make the OpenVINO bundle of a project"),
    "finetune": Command("finetune", "fine-tune the backbone of a project on its labels"),
    "simulate": Command("simulate", "replay a labelled folder and print learning curves"),
    "backbone": Command("backbone", "list the backbones, or download the weights of one"),
    "createuser": Command("createuser", "add a person"),
    "login-link": Command("login_link", "print a one-time sign-in link"),
    "key": Command("key", "print the public key that bundles are signed with"),
    "doctor": Command("doctor", "say what is installed, what this machine can do, and what to mend"),
    "check": Command("check", "check settings, database and storage before serving"),
    "version": Command("version", "print the version"),
    "web": Command("web", "run the web process alone"),
    "worker": Command("worker", "run one worker alone"),
    "migrate": Command("migrate", "bring the database up to date, and make the bucket"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit code 0 done, 1 not done, 2 refused with one sentence, 130 interrupted."""
    chosen, args = parse(sys.argv[1:] if argv is None else argv)
    try:
        return chosen.run(args) or 0
    except (Refusal, DomainError) as error:
        print(f"annotator: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parse(words: Sequence[str]) -> tuple[ModuleType, argparse.Namespace]:
    """The command's module and its arguments. Ends the process with argparse's own sentence when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="annotator", description="From a folder of images to an OpenVINO model on an edge device."
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    name = next((word for word in words if not word.startswith("-")), "")
    chosen = None
    for command, entry in COMMANDS.items():
        if command == name:
            chosen = importlib.import_module(f"annotator.cli.{entry.module}")
            chosen.add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=entry.summary)
    args = parser.parse_args(words)
    if chosen is None:
        parser.error(f"'{name}' is not a command")
    return chosen, args
