"""Deployments: send a bundle to devices, see how far it is on each, stop it, take it back."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, Empty, Id, parsed, person
from annotator.delivery import deploy, deployments
from annotator.delivery.models import Delivery, Deployment
from annotator.projects.access import find_project

# The newest so many are listed.
LISTED = 50
MOST_NAMED = 10_000


class DeliveryRow(serializers.Serializer[Any]):
    device = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    done = serializers.IntegerField(help_text="Bytes.")
    total = serializers.IntegerField()
    why = serializers.CharField()
    measured = serializers.DictField(allow_null=True, help_text="What the device measured before it swapped.")
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class DeploymentRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    bundle = serializers.IntegerField(help_text="Its id.")
    number = serializers.IntegerField(help_text="The bundle's number in the project.")
    rollback = serializers.BooleanField()
    target = serializers.ChoiceField(choices=Deployment.Target.choices)
    group = serializers.CharField()
    share = serializers.IntegerField(allow_null=True, help_text="Percent.")
    state = serializers.ChoiceField(choices=Deployment.State.choices)
    why = serializers.CharField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    budget_ms = serializers.FloatField(allow_null=True)
    deliveries = DeliveryRow(many=True)


class NewDeployment(serializers.Serializer[Any]):
    bundle = Id(help_text="Its id.")
    target = serializers.ChoiceField(choices=Deployment.Target.choices)
    group = serializers.CharField(max_length=80, allow_blank=True, default="")
    share = serializers.IntegerField(allow_null=True, default=None, help_text="Percent, for target share.")
    devices = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_NAMED, default=list, help_text="For target devices."
    )
    rollback = serializers.BooleanField(default=False, help_text="Devices that run a newer bundle go back.")
    budget_ms = serializers.FloatField(
        allow_null=True, default=None, help_text="A device whose answers take longer does not take it."
    )


class DeploymentsView(APIView):
    @extend_schema(operation_id="deployments_list", responses=DeploymentRow(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """The last fifty deployments, newest first."""
        project = find_project(person(request), project_id)
        return Response([deployments.describe(one) for one in deployments.of_project(project)[:LISTED]])

    @extend_schema(operation_id="deployments_create", request=NewDeployment, responses={201: DeploymentRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Send a bundle to every device, a group, a share or named devices (owners). Those that are off take it later."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        values = parsed(NewDeployment, request.data)
        made = deploy.deploy(
            project=project, user=user, bundle_id=values.pop("bundle"), device_ids=values.pop("devices"), **values
        )
        return Response(deployments.describe(made), status=status.HTTP_201_CREATED)


class DeploymentView(APIView):
    @extend_schema(operation_id="deployments_read", responses=DeploymentRow)
    def get(self, request: Request, project_id: int, deployment_id: int) -> Response:
        """One deployment."""
        project = find_project(person(request), project_id)
        return Response(deployments.describe(deployments.find_deployment(project=project, deployment_id=deployment_id)))


class CancelView(APIView):
    @extend_schema(operation_id="deployments_cancel", request=Empty, responses=DeploymentRow)
    def post(self, request: Request, project_id: int, deployment_id: int) -> Response:
        """Take back what devices have not carried out yet (owners)."""
        user = person(request)
        found = deployments.find_deployment(project=find_project(user, project_id, OWNER), deployment_id=deployment_id)
        return Response(deployments.describe(deploy.cancel_deployment(deployment=found, user=user)))


class RollbackView(APIView):
    @extend_schema(operation_id="deployments_rollback", request=Empty, responses={201: DeploymentRow(many=True)})
    def post(self, request: Request, project_id: int, deployment_id: int) -> Response:
        """Send each device that runs what this brought back to what it ran before (owners): a deployment for each bundle."""
        user = person(request)
        found = deployments.find_deployment(project=find_project(user, project_id, OWNER), deployment_id=deployment_id)
        made = deploy.roll_back_deployment(deployment=found, user=user)
        return Response([deployments.describe(one) for one in made], status=status.HTTP_201_CREATED)


_deployments = "projects/<int:project_id>/deployments"
urlpatterns = [
    path(_deployments, DeploymentsView.as_view()),
    path(f"{_deployments}/<int:deployment_id>", DeploymentView.as_view()),
    path(f"{_deployments}/<int:deployment_id>/cancel", CancelView.as_view()),
    path(f"{_deployments}/<int:deployment_id>/rollback", RollbackView.as_view()),
]
