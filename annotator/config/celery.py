"""The Celery application: tasks live in the apps that own the work."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.config.settings")

app = Celery("annotator")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["annotator.images", "annotator.learning", "annotator.delivery"])
app.autodiscover_tasks(["annotator"], related_name="pipeline")
# No tasks there, but the hands on a worker's start and end.
app.autodiscover_tasks(["annotator.jobs"], related_name="workers")
app.autodiscover_tasks(["annotator.learning"], related_name="ahead")
