"""docs/devices.md says what devices, their script and their page do: options, states, privacy, files, sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from annotator.delivery import devices, enrol
from annotator.delivery.models import Device
from mlcore.edge.agent.home import Home
from mlcore.edge.command import _parser
from tests.docs.markdown import DOCS, ROOT, blocks, inline_code
from tests.docs.test_shell_commands import typed

PAGE = DOCS / "devices.md"
SCRIPT = (ROOT / "annotator" / "delivery" / "install.sh").read_text()


def column(first: str) -> list[str]:
    """The first column of the table whose head begins so."""
    table = re.search(rf"^\| {re.escape(first)} .*\n\| --- .*\n((?:\|.*\n)+)", PAGE.read_text(), re.MULTILINE)
    assert table is not None, first
    return [line.split("|")[1].strip() for line in table.group(1).splitlines()]


def test_the_options_of_the_line_are_those_of_the_script() -> None:
    told = {re.findall(r"--[a-z-]+", one)[0] for one in column("option, behind the code")}
    assert told | {"--code"} == set(re.findall(r'^    say "  (--[a-z-]+)', SCRIPT, re.MULTILINE))


def test_the_states_are_those_of_a_device() -> None:
    told = [state for row in column("state") for state in row.split(", ")]
    assert told == list(Device.State.values)


def test_the_levels_of_privacy_are_those_of_a_device() -> None:
    told = [re.findall(r"`([a-z]+)`", row)[0] for row in column("privacy")]
    assert told == list(Device.Privacy.values)


def test_the_files_are_those_of_the_runtime() -> None:
    home = Home(Path("/device"))
    ours = {path.name for name in dir(Home) if isinstance(path := getattr(home, name), Path)} - {home.root.name}
    told = {name.rstrip("/") for row in column("in its folder") for name in re.findall(r"`([^`]+)`", row)}
    # What may be lost, or lies there for a second, is not told of.
    assert ours - told <= {"status.json", "rollback.wish"}
    assert told - ours == {"venv", "agent.log"}


@pytest.mark.parametrize("command", [one.split()[1] for one in column("command on the device") for one in [one.strip("`")]])
def test_the_commands_of_a_device_exist(command: str) -> None:
    assert f" {command}" in _parser().format_help()


def test_the_settings_in_work_json_are_known() -> None:
    from json import loads

    from mlcore.edge.options import WorkOptions

    (example,) = blocks(PAGE, "json")
    assert WorkOptions.read(loads(example)).has_source


def test_the_sentences_are_those_of_the_code() -> None:
    sources = [ROOT / "annotator" / "delivery", ROOT / "mlcore" / "edge"]
    code = " ".join(path.read_text() for folder in sources for path in folder.rglob("*.py"))
    for row in column("on the device's row, or in its terminal"):
        sentence = row.removesuffix(": ...")
        assert sentence in re.sub(r'"\s+f?"', "", code), sentence


def test_the_numbers_are_those_of_the_code() -> None:
    text = PAGE.read_text()
    assert enrol.LIFETIME.total_seconds() == 15 * 60 and "fifteen minutes" in text
    assert f"within {devices.SILENT.total_seconds():.0f} seconds" in text
    fields = {name: Device._meta.get_field(name).default for name in ("keep_per_hour", "keep_mb")}
    assert f"({fields['keep_per_hour']} and {fields['keep_mb']}, on the device's" in text


def test_annotator_up_takes_what_the_page_says() -> None:
    assert ["annotator", "up", "--devices", "8443"] in typed(PAGE)
    assert "`edge-annotator agent --help`" in PAGE.read_text() and "edge-annotator status" in inline_code(PAGE)
