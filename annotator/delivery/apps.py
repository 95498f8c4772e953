from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "annotator.delivery"
    label = "delivery"
