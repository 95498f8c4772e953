"""Every setting is explained where it is read and in docs/settings.md, and nothing is documented that is not read."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = ROOT / "annotator" / "config" / "settings.py"
DOCUMENT = ROOT / "docs" / "settings.md"
READERS = ("environ.get", "_flag", "_number", "_list")
# Read by the S3 library, not by us.
READ_ELSEWHERE = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
# How a fixed default is written down.
WRITTEN = {"False": "0", "True": "1"}


def settings_read() -> dict[str, str | None]:
    """The variables that settings.py reads, with their fixed defaults."""
    read: dict[str, str | None] = {}
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("os.") in READERS:
            name, *default = node.args
            if isinstance(name, ast.Constant):
                fixed = ast.literal_eval(default[0]) if default else None
                read[name.value] = WRITTEN.get(str(fixed), str(fixed)) if fixed not in (None, "") else None
    return read


def explained() -> set[str]:
    """The variables with a comment of their own in settings.py."""
    return set(re.findall(r"^# ([A-Z0-9_]+): \S", SETTINGS.read_text(), re.MULTILINE))


def documented() -> dict[str, str]:
    """Each row of docs/settings.md: the variable and its default."""
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.+?) \| .+ \|$", DOCUMENT.read_text(), re.MULTILINE))


def test_what_is_read_is_explained_and_documented() -> None:
    assert set(settings_read()) | READ_ELSEWHERE == explained() == set(documented())


@pytest.mark.parametrize(("name", "default"), [(n, d) for n, d in settings_read().items() if d])
def test_the_documented_default_is_the_one_in_the_code(name: str, default: str) -> None:
    assert documented()[name] == f"`{default}`"


def test_no_setting_is_read_that_settings_does_not_know() -> None:
    used = set()
    for path in [*(ROOT / "annotator").rglob("*.py"), *(ROOT / "mlcore").rglob("*.py")]:
        used |= set(re.findall(r"[\"'](ANNOTATOR_[A-Z0-9_]+)[\"']", path.read_text()))
    assert used <= explained()


def test_the_example_file_names_only_settings() -> None:
    compose_own = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "PORT", "DEVICE_PORT", "TORCH_INDEX"}
    names = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert names - compose_own <= explained()
