from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LabellingConfig(AppConfig):
    name = "annotator.labelling"
    label = "labelling"

    def ready(self) -> None:
        from annotator.labelling import tally

        post_migrate.connect(tally.install, sender=self, dispatch_uid="labelling.tally")
