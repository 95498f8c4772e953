"""The files for containers say what the tools that read them take, and what the application expects."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from annotator.cli import parse

ROOT = Path(__file__).resolve().parent.parent.parent
# The Compose Specification's own schema (compose-spec/compose-spec, Apache-2.0), as of June 2026.
SCHEMA = Path(__file__).with_name("compose-spec.json")
APP = ("migrate", "web", "worker-learn", "worker-bulk", "worker-train")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def test_compose_follows_the_specification(compose: dict[str, Any]) -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(compose)


def test_every_service_network_volume_and_config_that_is_named_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service.get("networks", [])) <= set(compose["networks"]), name
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(compose["volumes"]), name
        assert {config["source"] for config in service.get("configs", [])} <= set(compose["configs"]), name


def test_all_parts_of_the_application_get_the_same_settings_and_they_are_ours(compose: dict[str, Any]) -> None:
    first, *rest = [compose["services"][name]["environment"] for name in APP]
    assert all(settings == first for settings in rest)
    known = re.findall(r"^# ([A-Z0-9_]+): ", (ROOT / "annotator/config/settings.py").read_text(), re.MULTILINE)
    assert set(first) <= set(known)


@pytest.mark.parametrize("name", APP)
def test_each_command_is_one_of_ours(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    parse(service["command"])  # ends the process when a word is wrong
    if "test" in service["healthcheck"]:
        assert service["healthcheck"]["test"][:2] == ["CMD", "annotator"]
        parse(service["healthcheck"]["test"][2:])


def test_every_service_that_stays_has_a_health_check_and_none_is_open_but_the_site(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "healthcheck" in service, name
        assert ("ports" in service) == (name == "web")
        if name != "web":
            assert service["networks"] == ["inside"], name
    assert compose["networks"]["inside"] == {"internal": True}


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for secret in ("ANNOTATOR_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
        uses = re.findall(rf"\$\{{{secret}[^}}]*\}}", text)
        assert uses
        assert all(use == f"${{{secret}:?see .env.example}}" for use in uses), uses


def test_every_variable_that_compose_needs_is_in_the_example(compose: dict[str, Any]) -> None:
    needed = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert needed == set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_linter_has_nothing_to_say_about_the_dockerfile() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_image_runs_without_rights_and_brings_the_same_torch_as_make() -> None:
    dockerfile, makefile = (ROOT / "Dockerfile").read_text(), (ROOT / "Makefile").read_text()
    assert re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)[-1] not in ("root", "0")
    pair = re.search(r"^TORCH := (.+)$", makefile, re.MULTILINE)
    assert pair is not None
    assert pair.group(1) in dockerfile


def test_everything_that_the_image_copies_is_sent_to_the_build() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert source.split("/")[0] in sent
