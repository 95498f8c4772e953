"""Run in a process of its own: an installation with a project, a bundle and codes for devices; prints what a test needs."""

from __future__ import annotations

import hashlib
import json
import sys

import django


def main(count: int) -> None:
    """Make it, in the data directory that the environment names."""
    django.setup()
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage
    from django.core.management import call_command

    from annotator.delivery.enrol import make_code
    from annotator.delivery.models import Bundle
    from annotator.learning.models import FeatureSpace, ModelVersion
    from annotator.projects.models import User
    from annotator.projects.setup import create_project
    from annotator.projects.tokens import make_token

    call_command("migrate", verbosity=0)
    owner = User.objects.create_superuser("olga")
    project = create_project(owner=owner, name="Cups", classes=["cup", "glass"])
    space = FeatureSpace.objects.create(
        project=project, number=1, backbone="lite0", fingerprint="x", fitted_on=1, weights=b""
    )
    version = ModelVersion.objects.create(
        project=project, number=1, space=space, head="blend", strategy="auto", classes=[], annotations_seen=0,
        annotations_hash="0" * 64, label_count=0,
    )
    data = hashlib.shake_256(b"bundle").digest(1_500_000)
    path = default_storage.save("bundles/1.zip", ContentFile(data))
    bundle = Bundle.objects.create(
        project=project, number=1, model_version=version, state=Bundle.State.READY, path=path, size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    codes = [make_code(project=project, user=owner, name=f"gate {number}")[1] for number in range(count)]
    token = make_token(user=owner, name="test", scopes=["read", "manage"])[1]
    print(json.dumps({"project": project.pk, "bundle": bundle.pk, "codes": codes, "token": token}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
