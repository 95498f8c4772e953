"""A project in a database of its own, for processes that are not the test's: `fill` makes it, `rank` keeps ranking it.

python -m tests.labelling.crowd fill IMAGES CLIENTS    prints {"project", "labels", "tokens"}
python -m tests.labelling.crowd rank PROJECT           writes fresh candidates again and again, as the learner does
python -m tests.labelling.crowd count PROJECT          prints what the rows say
"""

from __future__ import annotations

import json
import random
import sys
import time

import django

django.setup()

from django.db import transaction  # noqa: E402

from annotator.images.models import Image  # noqa: E402
from annotator.labelling import tally  # noqa: E402
from annotator.labelling.models import Annotation, Candidate, Lease, Standing  # noqa: E402
from annotator.projects.models import Membership, Project, User  # noqa: E402
from annotator.projects.setup import create_project  # noqa: E402
from annotator.projects.tokens import make_token  # noqa: E402

PAUSE = 0.05
CANDIDATES = 40


def fill(images: int, clients: int) -> dict[str, object]:
    """Images (one in six an audit image) and people with tokens."""
    owner = User.objects.create_user("owner")
    project = create_project(owner=owner, name="Crowd", classes=["cup", "glass"], audit_every=5)
    Image.objects.bulk_create(
        Image(
            project=project, sha256=f"{number:064x}", name=f"{number}.jpg", format="JPEG", width=64, height=48, size=1000,
            is_audit=number % 6 == 0, sort_key=number,
        )
        for number in range(images)
    )
    tokens = []
    for number in range(clients):
        user = User.objects.create_user(f"person{number}")
        Membership.objects.create(project=project, user=user, role=Membership.Role.ANNOTATOR)
        tokens.append(make_token(user=user, name="crowd", scopes=["read", "label", "manage"])[1])
    return {"project": project.pk, "labels": list(project.labels.values_list("pk", flat=True)), "tokens": tokens}


def rank(project_id: int) -> None:
    """What learning does to the queue while people label."""
    project = Project.objects.get(pk=project_id)
    dice = random.Random(0)  # noqa: S311
    while True:
        free = list(Image.objects.filter(project=project, standing=None).values_list("pk", "is_audit"))
        dice.shuffle(free)
        with transaction.atomic():
            Candidate.objects.filter(project=project).delete()
            Candidate.objects.bulk_create(
                Candidate(project=project, image_id=image, position=position, is_audit=is_audit, reason="random")
                for position, (image, is_audit) in enumerate(free[:CANDIDATES])
            )
        time.sleep(PAUSE)


def count(project_id: int) -> dict[str, object]:
    """The rows, and the tally."""
    return {
        "annotations": Annotation.objects.filter(project=project_id).count(),
        "annotated_twice": Annotation.objects.count() - Annotation.objects.values("image").distinct().count(),
        "standing": Standing.objects.filter(project=project_id).count(),
        "leases": Lease.objects.filter(project=project_id).count(),
        "progress": tally.progress(project_id),
    }


if __name__ == "__main__":
    print(json.dumps({"fill": fill, "rank": rank, "count": count}[sys.argv[1]](*map(int, sys.argv[2:]))))
