"""Every command and option is in docs/commands.md with its default, and nothing is there that does not exist."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import pytest

from annotator.cli import COMMANDS

DOCUMENT = (Path(__file__).resolve().parent.parent.parent / "docs" / "commands.md").read_text()
SECTIONS = dict(re.findall(r"^## annotator (\S+)\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))


def options_of(command: str) -> dict[str, object]:
    """Its options and their defaults, as argparse knows them."""
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"annotator.cli.{COMMANDS[command].module}").add_parser(subparsers)
    (parser,) = subparsers.choices.values()
    return {
        action.option_strings[-1]: action.default
        for action in parser._actions
        if action.option_strings and action.dest != "help"
    }


def test_the_commands_are_the_documented_ones() -> None:
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_options_are_the_documented_ones(command: str) -> None:
    assert re.findall(r"^\| `(--[a-z-]+)` \|", SECTIONS[command], re.MULTILINE) == list(options_of(command))


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_defaults_are_those_in_the_code(command: str) -> None:
    written = dict(re.findall(r"^\| `(--[a-z-]+)` \| .*\(default `([^`]+)`\)", SECTIONS[command], re.MULTILINE))
    defaults = options_of(command)
    assert written == {name: str(defaults[name]) for name in written}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_module_registers_the_name_it_is_listed_under(command: str) -> None:
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"annotator.cli.{COMMANDS[command].module}").add_parser(subparsers)
    assert list(subparsers.choices) == [command]
