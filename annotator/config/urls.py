"""Addresses: the API, event streams, health, the admin, and the one page that holds the whole front end."""

from django.contrib import admin
from django.urls import include, path, re_path

from annotator.api.device_events import device_events
from annotator.api.edge import install_script, runtime_wheel
from annotator.api.events import project_events
from annotator.api.fleet_events import fleet_events
from annotator.api.page import page
from annotator.config.health import health

admin.site.site_header = admin.site.site_title = "Edge Annotator"
admin.site.index_title = "Administration"

urlpatterns = [
    path("api/", include("annotator.api.urls")),
    path("events/projects/<int:project_id>", project_events),
    path("events/device", device_events),
    path("events/fleet", fleet_events),
    path("edge/install.sh", install_script),
    path("edge/runtime/<str:name>", runtime_wheel),
    path("healthz", health),
    path("admin/", admin.site.urls),
    # Every other address is the front end's own.
    re_path(r"^(?!api/|edge/|events/|static/|admin/).*$", page, name="page"),
]
