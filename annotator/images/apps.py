from functools import partial
from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete


class ImagesConfig(AppConfig):
    name = "annotator.images"
    label = "images"

    def ready(self) -> None:
        post_delete.connect(_files_go_too, sender="projects.Project", dispatch_uid="images.files")


def _files_go_too(sender: Any, instance: Any, **_: Any) -> None:
    """A project that is deleted for good takes its files along."""
    from annotator.images import files

    transaction.on_commit(partial(files.remove_project, instance.pk))
