"""What is installed: Python, packages, the networks' weights, the built pages."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from annotator import __version__
from annotator.diagnosis.finding import Finding, note, ok, problem

DISTRIBUTION = "edge-annotator"
OLDEST_PYTHON = (3, 11)
INDEX = Path(__file__).resolve().parent.parent / "web" / "dist" / "index.html"


def examine_software() -> list[Finding]:
    """Every finding about what is installed. Imports torch and torchvision, which takes seconds."""
    return [ok("Edge Annotator", __version__), _python(), *_packages(), _torchvision(), _scikit(), *_backbones(), _pages()]


def _python() -> Finding:
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return problem("Python", detail, "Install Python 3.11 or newer and make the virtual environment anew.")
    return ok("Python", detail)


def _packages() -> list[Finding]:
    """Each requirement of the distribution against what is there."""
    try:
        requirements = [Requirement(line) for line in metadata.requires(DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:
        return [problem("packages", "edge-annotator itself is not installed", "Run 'pip install .' in its folder.")]
    return [
        _package(requirement)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]


def _package(requirement: Requirement) -> Finding:
    mend = f"Run: pip install '{requirement}'"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return problem(requirement.name, "not installed", mend)
    if not requirement.specifier.contains(version, prereleases=True):
        return problem(requirement.name, f"{version}, where {requirement.specifier} is needed", mend)
    return ok(requirement.name, version)


def _torchvision() -> Finding:
    from mlcore import torchvision_shim

    try:
        torchvision_shim.ensure()
        import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        return note(
            "torchvision beside torch", f"cannot be imported: {error}",
            "The default backbone works without it; for the others install the pair torch 2.13 and torchvision 0.28.",
        )
    return ok("torchvision beside torch", "imports")


def _scikit() -> Finding:
    from django.conf import settings

    from mlcore.accelerate import state

    found = state(wanted=settings.SKLEARN_INTELEX)
    if found.on:
        return ok("scikit-learn acceleration", found.why)
    mend = "Optional, and only for code of your own that uses scikit-learn. Run: pip install 'edge-annotator[intel]'"
    if not settings.SKLEARN_INTELEX:
        mend = "Unset ANNOTATOR_SKLEARN_INTELEX to let it work where it is installed."
    return note("scikit-learn acceleration", found.why, mend)


def _backbones() -> list[Finding]:
    from mlcore.backbones import REGISTRY

    found = []
    for name, spec in REGISTRY.items():
        if spec.available():
            found.append(ok(f"backbone {name}", f"{spec.title}; licence {spec.licence}"))
        else:
            found.append(note(f"backbone {name}", f"{spec.title}: its weights are not here", f"Optional. {spec.how_to_get}"))
    return found


def _pages() -> Finding:
    if INDEX.is_file():
        return ok("pages", f"built, in {INDEX.parent}")
    return problem("pages", "not built", "Run 'make frontend', or 'pip install .', which builds them.")
