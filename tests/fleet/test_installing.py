"""The script behind the pasted line: it says what it needs before it does anything, and carries what it trusts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from annotator.delivery import installer, keys
from annotator.delivery.address import Address
from tests.fleet.small_device import line

SCRIPT = "/edge/install.sh"


@pytest.fixture
def script() -> str:
    return line().get(SCRIPT, headers={"Host": "127.0.0.1:8000"}).content.decode()


def run(script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As the pasted line runs it."""
    return subprocess.run(
        ["sh", "-s", "--", *words], input=script, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )


def test_it_carries_where_and_whom_to_trust(script: str) -> None:
    assert "\nurl=http://127.0.0.1:8000\n" in script
    assert "\npin=''\n" in script
    assert keys.authority_pem().strip() in script
    assert keys.public_pem().strip() in script
    assert "@" not in script.replace('"$@"', ""), "every mark was filled in"


@pytest.mark.parametrize(
    ("headers", "secure", "pin", "expected"),
    [
        ({"Host": "localhost:8000"}, False, "", ("url=http://localhost:8000", "''", "''")),
        ({"Host": "testserver"}, True, "", ("url=https://testserver", "OURS", "''")),
        ({"Host": "testserver"}, False, "", ("url=https://192.168.1.5:8443", "OURS", "''")),
        ({"Host": "testserver"}, True, "THEIRS=", ("url=https://192.168.1.5:8443", "THEIRS=", "THEIRS=")),
    ],
)
def test_a_device_goes_on_talking_where_it_got_the_script(
    headers: dict[str, str], secure: bool, pin: str, expected: tuple[str, str, str], settings: LazySettings
) -> None:
    settings.DEVICE_URL, settings.DEVICE_PIN = "https://192.168.1.5:8443", pin
    lines = Client().get(SCRIPT, headers=headers, secure=secure).content.decode().splitlines()
    url, its_pin, proxy_pin = expected
    assert url in lines
    assert f"pin={its_pin.replace('OURS', keys.pin())}" in lines
    assert f"proxy_pin={proxy_pin}" in lines


def test_an_address_with_odd_letters_stays_one_word() -> None:
    nasty = "https://x';touch /tmp/owned;'"
    made = installer.install_script(Address(nasty, tls=True, reachable=True, pin="p"), proxy_pin="")
    head = made.split("say()")[0] + '\nprintf "%s" "$url"\n'
    assert subprocess.run(["sh", "-c", head], capture_output=True, text=True, check=True).stdout == nasty


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--code"], "--code needs a value"), (["--bogus"], "'--bogus' is no option"), ([], "--code is missing")],
)
def test_what_is_wrong_is_said_in_a_sentence(words: list[str], sentence: str, script: str, tmp_path: Path) -> None:
    home = tmp_path / "a home"
    (home / "venv" / "bin").mkdir(parents=True)
    (home / "venv" / "bin" / "python").symlink_to("/bin/true")
    (home / "venv" / ".whole").touch()
    (home / "venv" / ".runtime").write_text(installer.wheel().sha256)
    ended = run(script, *words, EDGE_HOME=str(home))
    assert (ended.returncode, sentence in ended.stderr) == (2, True), ended.stderr


def test_an_old_python_is_refused_before_anything_is_made(script: str, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\nexit 1\n')
    (tools / "python3").chmod(0o755)
    for name in ("sh", "curl", "mkdir", "cat"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    ended = run(script, "--code", "ABCD-EFGH", EDGE_HOME=str(tmp_path / "home"), PATH=str(tools))
    assert ended.returncode == 2
    assert "Python 3.11 or newer is needed, and python3 here says 'Python 3.9.2'" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_the_linter_has_nothing_to_say_about_it() -> None:
    linter = Path(sys.executable).with_name("shellcheck")
    said = subprocess.run([linter, "--shell=sh", installer.TEMPLATE], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_half_a_script_does_nothing(script: str, tmp_path: Path) -> None:
    half = script[: script.rindex("main")]
    assert run(half, "--code", "ABCD-EFGH", EDGE_HOME=str(tmp_path / "home")).returncode == 0
    assert not (tmp_path / "home").exists()


def test_the_wheel_is_the_one_that_the_script_names(script: str) -> None:
    wheel = installer.wheel()
    assert f"wheel={wheel.name}" in script and f"wheel_sha256={hashlib.sha256(wheel.data).hexdigest()}" in script
    answer = line().get(f"/edge/runtime/{wheel.name}")
    assert answer.content == wheel.data
    assert "mlcore/edge/command.py" in zipfile.ZipFile(BytesIO(answer.content)).namelist()
    assert line().get("/edge/runtime/another.whl").status_code == 404


def test_the_front_end_does_not_answer_in_place_of_what_is_not_there() -> None:
    assert line().get("/edge/nothing").status_code == 404
