from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "annotator.learning"
    label = "learning"
