"""An image goes: its row and what was said about it in one transaction, its files after that."""

from __future__ import annotations

from django.db import transaction

from annotator.images import files
from annotator.images.models import Image
from annotator.projects.access import note
from annotator.projects.models import User


def remove_image(*, image: Image, user: User | None) -> None:
    """Delete an image. Killed half-way, it leaves at most files that no row names."""
    with transaction.atomic():
        # The lock first: whoever is just answering it has finished, or finds it gone.
        if Image.objects.select_for_update().filter(pk=image.pk).first() is None:
            return
        Image.objects.filter(pk=image.pk).delete()
        note(user=user, action="image.deleted", project=image.project, name=image.name, sha256=image.sha256)
    transaction.on_commit(lambda: files.remove(image))
