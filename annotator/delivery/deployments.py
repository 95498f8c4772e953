"""Deployments as people see them: how far each is, on every device that it is for."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet

from annotator.delivery.models import Delivery, Deployment
from annotator.jobs import events
from annotator.projects.errors import NotFound
from annotator.projects.models import Project


def of_project(project: Project) -> QuerySet[Deployment]:
    """The deployments of a project, newest first, with all that `describe` shows."""
    return with_deliveries(Deployment.objects.filter(project=project))


def with_deliveries(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """The same deployments, with all that `describe` shows read at once."""
    deliveries = Delivery.objects.select_related("device").order_by("device__name", "pk")
    return deployments.select_related("bundle", "created_by").prefetch_related(Prefetch("deliveries", deliveries))


def find_deployment(*, project: Project, deployment_id: int) -> Deployment:
    """A deployment of the project. Raises NotFound."""
    found = of_project(project).filter(pk=deployment_id).first()
    if found is None:
        raise NotFound("This project has no such deployment.")
    return found


def describe(deployment: Deployment) -> dict[str, Any]:
    """A deployment as events and the API tell it."""
    user = deployment.created_by
    return {
        "id": deployment.pk, "bundle": deployment.bundle_id, "number": deployment.bundle.number,
        "rollback": deployment.rollback, "target": deployment.target, "group": deployment.group, "share": deployment.share,
        "state": deployment.state, "why": deployment.why,
        "created_by": user and (user.get_full_name() or user.get_username()),
        "created_at": deployment.created_at.isoformat(), "budget_ms": deployment.budget_ms,
        "deliveries": [
            {"device": str(one.device_id), "name": one.device.name, **describe_delivery(one)}
            for one in deployment.deliveries.all()
        ],
    }


def describe_delivery(delivery: Delivery) -> dict[str, Any]:
    """How far the way to one device is."""
    return {
        "state": delivery.state, "done": delivery.done, "total": delivery.total, "why": delivery.why,
        "measured": delivery.measured or None,
        "started_at": delivery.started_at and delivery.started_at.isoformat(),
        "finished_at": delivery.finished_at and delivery.finished_at.isoformat(),
    }


def tell(deployment_id: int) -> None:
    """Tell the project's open pages how a deployment stands."""
    for deployment in with_deliveries(Deployment.objects.filter(pk=deployment_id)):
        events.publish(deployment.project_id, "deployment", describe(deployment))
