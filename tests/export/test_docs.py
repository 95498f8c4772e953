"""docs/export.md and docs/edge.md say what the program does; their commands run in test_fresh_environment."""

import dataclasses
import re
import shlex
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from annotator.cli import parse
from mlcore import export, export_judge, measure, quantise
from mlcore.bundle import Papers
from mlcore.edge import cli, preprocess, serve
from mlcore.measure import ReportRow
from tests.export.shell import DOCS, commands
from tests.export.tiny import build_colour_bundle, jpeg


def page(name: str) -> str:
    return " ".join((DOCS / name).read_text().split())


def test_the_documented_commands_are_understood():
    for command in commands("export.md"):
        program, *words = shlex.split(command)
        assert program == "annotator"
        _, options = parse(words)
        assert options.command == "export"


@pytest.mark.parametrize(
    "sentence",
    [
        f"up to {quantise.MOST_IMAGES} of the project's own images",
        f"up to {quantise.MAX_VALIDATION} labelled images",
        f"fewer than {quantise.MIN_VALIDATION} such images",
        f"Up to {export_judge.COMPARED} images",
        f"by more than {export.MAX_FP32_DIFF}",
        f"on at least {measure.MIN_AUDIT} audit images",
        f"at most {measure.MAX_DROP * 100:.0f} point lower",
        f"at least {measure.MIN_AGREEMENT * 100:.0f} % of its answers",
    ],
)
def test_the_limits_are_those_of_the_program(sentence):
    assert sentence in page("export.md")


def test_a_latency_within_a_tenth_is_the_same():
    assert pytest.approx(1.1) == measure.SAME_LATENCY
    assert "within a tenth of each other" in page("export.md")


def test_every_number_of_the_report_is_explained():
    text = page("export.md").split("## The report")[1].split("##")[0]
    shown = {"precision": "precision", "size_bytes": "size", "latency_p50_ms": "latency p50", "latency_p95_ms": "p95"}
    shown["memory_bytes"] = "memory"
    for field in dataclasses.fields(ReportRow):
        assert shown.get(field.name, field.name.replace("_", " ")) in text


def complete(folder: Path) -> list[str]:
    """The names of all files that a bundle of a project has."""
    papers = Papers(signing_key=ec.generate_private_key(ec.SECP256R1()), reference=b"numbers")
    info = build_colour_bundle(folder, papers=papers, golden_images=[jpeg("red")])
    with zipfile.ZipFile(info.path) as archive:
        return archive.namelist()


def test_every_file_of_a_bundle_is_explained(tmp_path):
    text = page("export.md").split("## What is inside")[1]
    for name in complete(tmp_path):
        if not name.startswith("mlcore/"):
            top = name.split("/")[0]
            assert f"`{top}`" in text or f"`{top}/`" in text, name
    assert "`mlcore/edge/`" in text


def test_every_option_of_the_command_is_documented():
    text = page("edge.md")
    options = cli.main.__globals__["_parser"](needs_bundle=False)._option_string_actions
    for option in options:
        if option.startswith("--") and option != "--help":
            assert option in text, option


def test_limits_and_exit_codes_of_the_runtime_are_true():
    text = page("edge.md")
    assert f"more than {serve.MAX_BODY // 2**20} MiB" in text
    codes = re.findall(r"\| (\d+) \| ([^|]+) \|", text)
    assert [int(code) for code, _ in codes] == [cli.OK, cli.SOME_FAILED, cli.CANNOT_RUN, cli.INTERRUPTED]
    for name in preprocess.FORMATS:
        assert name.lower() in text.lower()
