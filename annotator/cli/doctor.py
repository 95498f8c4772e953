"""annotator doctor: what is installed, what this machine can do, what is running; each with its mend."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from annotator.cli.data_option import add_data_option
from annotator.config.start import start_django
from annotator.diagnosis.finding import Finding
from annotator.diagnosis.hardware import examine_hardware
from annotator.diagnosis.services import examine_services
from annotator.diagnosis.software import examine_software

if TYPE_CHECKING:
    from annotator.cli import Parsers

MARKS = {"ok": "  ok  ", "note": " note ", "problem": "WRONG "}


def add_parser(subparsers: Parsers) -> None:
    """annotator doctor [--json] [--data]"""
    parser = subparsers.add_parser("doctor", help="say what is installed, what this machine can do, and what to mend")
    parser.add_argument("--json", action="store_true", help="the same for programs")
    add_data_option(parser)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when something keeps it from working."""
    start_django(args.data)

    from django.conf import settings

    parts = {
        "software": examine_software(),
        "hardware": examine_hardware(settings.DATA_DIR, settings.DEVICE),
        "services": examine_services(),
    }
    if args.json:
        print(json.dumps({part: [asdict(finding) for finding in found] for part, found in parts.items()}, indent=2))
    else:
        for part, found in parts.items():
            print(f"{part}\n{as_text(found)}\n")
    return int(any(finding.state == "problem" for found in parts.values() for finding in found))


def as_text(found: list[Finding]) -> str:
    """One line a finding, and its mend under it."""
    lines = []
    for finding in found:
        lines.append(f"  [{MARKS[finding.state]}] {finding.name}: {finding.detail}")
        if finding.mend:
            lines.append(f"           {finding.mend}")
    return "\n".join(lines)
