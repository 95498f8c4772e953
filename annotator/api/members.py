"""Who belongs to a project."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, display_name, parsed, person
from annotator.projects import members
from annotator.projects.access import find_project
from annotator.projects.models import Membership


class MemberRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class NewMember(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class MemberChanges(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class MembersView(APIView):
    @extend_schema(operation_id="members_list", responses=MemberRow(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """The people of a project."""
        project = find_project(person(request), project_id)
        return Response([_row(one) for one in project.memberships.select_related("user").order_by("user__username")])

    @extend_schema(operation_id="members_add", request=NewMember, responses={201: MemberRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Let somebody who has an account in (owners)."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        member = members.add_member(project=project, by=user, **parsed(NewMember, request.data))
        return Response(_row(member), status=status.HTTP_201_CREATED)


class MemberView(APIView):
    @extend_schema(operation_id="members_update", request=MemberChanges, responses=MemberRow)
    def patch(self, request: Request, project_id: int, member_id: int) -> Response:
        """Give somebody another role (owners)."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        member = members.find_member(project, member_id)
        return Response(_row(members.change_role(member=member, by=user, **parsed(MemberChanges, request.data))))

    @extend_schema(operation_id="members_remove", request=None, responses={204: None})
    def delete(self, request: Request, project_id: int, member_id: int) -> Response:
        """Take somebody out of the project (owners). What they said stays."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        members.remove_member(member=members.find_member(project, member_id), by=user)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _row(member: Membership) -> dict[str, Any]:
    return {
        "id": member.pk, "username": member.user.username, "display_name": display_name(member.user), "role": member.role,
    }
