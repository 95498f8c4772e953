"""Puts the built front end into the wheel, so that `pip install .` needs no Node.js on the machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

EDITABLE = "editable"


def _builder(root: str) -> ModuleType:
    path = Path(root) / "scripts" / "build_frontend.py"
    spec = importlib.util.spec_from_file_location("build_frontend", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class BuildFrontEnd(BuildHookInterface):
    """Runs scripts/build_frontend.py before a wheel is packed. An editable install reads the folder as it is."""

    def dependencies(self) -> list[str]:
        """Node.js as a package, only when there is something to build and the machine has none that is new enough."""
        builder = _builder(self.root)
        return [] if builder.is_fresh() or builder.machine_has_node() else [builder.PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing or stale."""
        if version != EDITABLE:
            _builder(self.root).build()
