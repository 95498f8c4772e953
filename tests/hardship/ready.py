"""Bundles that are ready without an export, in the installation that the environment names.

    python -m tests.hardship.ready COUNT    prints {"project", "bundles": {number: id}}

Each tells red from green from blue, and its classes carry its number. The last one is forged: a file in its zip was changed
after it was signed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

import django

django.setup()

from django.core.files.storage import default_storage  # noqa: E402

from annotator.delivery.keys import signing_key  # noqa: E402
from annotator.delivery.models import Bundle  # noqa: E402
from annotator.learning.models import FeatureSpace, ModelVersion  # noqa: E402
from annotator.projects.models import Project, User  # noqa: E402
from annotator.projects.setup import create_project  # noqa: E402
from mlcore.bundle import Papers  # noqa: E402
from mlcore.edge.manifest import Label  # noqa: E402
from tests.export.tiny import COLOURS, build_colour_bundle, jpeg  # noqa: E402

# Beside the model, so that a download can be cut in the middle.
BALLAST = 1_500_000


def ready(count: int) -> dict[str, object]:
    """A project of the first user, with so many bundles."""
    owner = User.objects.order_by("pk").first()
    assert owner is not None
    project = create_project(owner=owner, name="Colours", classes=list(COLOURS))
    space = FeatureSpace.objects.create(
        project=project, number=1, backbone="lite0", fingerprint="none", fitted_on=1, weights=b""
    )
    version = ModelVersion.objects.create(
        project=project, number=1, space=space, head="blend", strategy="auto", classes=[], annotations_seen=0,
        annotations_hash="0" * 64, label_count=0, state=ModelVersion.State.RETIRED,
    )
    return {
        "project": project.pk,
        "bundles": {number: make(project, version, number, forged=number == count) for number in range(1, count + 1)},
    }


def make(project: Project, version: ModelVersion, number: int, *, forged: bool) -> int:
    """One bundle; its id."""
    name = f"bundles/{project.pk}/{number}.zip"
    target = Path(default_storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    made = build_colour_bundle(
        target.parent, target.name,
        labels=[Label(f"{colour} {number}", "#{:02x}{:02x}{:02x}".format(*rgb)) for colour, rgb in COLOURS.items()],
        lineage={"project": {"id": project.pk, "name": project.name}, "bundle": number, "model_version": version.number},
        golden_images=[jpeg("red"), jpeg("blue")] if number % 4 == 1 else (),
        papers=Papers(signing_key=signing_key()),
        extra_files={"ballast/ballast.bin": os.urandom(BALLAST)},
    )
    if forged:
        forge(made.path)
    bundle = Bundle.objects.create(
        project=project, number=number, model_version=version, state=Bundle.State.READY,
        path=name, size=made.path.stat().st_size,
        sha256=hashlib.sha256(made.path.read_bytes()).hexdigest(), recommended="FP16",
    )
    return int(bundle.pk)


def forge(path: Path) -> None:
    """Change one file of the zip, as somebody would who can write to the workspace's disk but does not hold its key."""
    with zipfile.ZipFile(path) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    contents["labels.json"] = contents["labels.json"].replace(b"red", b"tan")
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in contents.items():
            packed.writestr(name, data)


if __name__ == "__main__":
    print(json.dumps(ready(int(sys.argv[1]))))
