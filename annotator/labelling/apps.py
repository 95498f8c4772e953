from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class LabellingConfig(AppConfig):
    name = "annotator.labelling"
    label = "labelling"

    def ready(self) -> None:
        from annotator.images.ingest import came_labelled
        from annotator.labelling import arrivals, tally

        came_labelled.connect(arrivals.label_arrival, dispatch_uid="labelling.arrivals")
        pre_migrate.connect(tally.remove, sender=self, dispatch_uid="labelling.tally")
        post_migrate.connect(tally.install, sender=self, dispatch_uid="labelling.tally")
