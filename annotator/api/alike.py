"""Images that look alike: those most like one image, and groups of near duplicates."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import parsed, person
from annotator.api.image_rows import RELATED, ImageRow, image_row
from annotator.images.models import Image
from annotator.learning import twins
from annotator.learning.models import TwinSearch
from annotator.learning.similar import similar_images
from annotator.projects.access import find_project
from annotator.projects.errors import NotFound

MOST_SIMILAR = 60
MOST_GROUPS = 50


class SimilarQuery(serializers.Serializer[Any]):
    count = serializers.IntegerField(default=12, min_value=1, max_value=MOST_SIMILAR)


class SimilarImage(ImageRow):
    cosine = serializers.FloatField(help_text="Of the features of both images: 1 for equal ones.")
    alike = serializers.ChoiceField(
        choices=["duplicate", "near", ""], help_text="'duplicate' from a cosine of 0.9 on, 'near' from 0.8 on."
    )


class SimilarRow(serializers.Serializer[Any]):
    results = SimilarImage(many=True)


class GroupsQuery(serializers.Serializer[Any]):
    cursor = serializers.IntegerField(default=0, min_value=0, max_value=2**31, help_text="`next` of the page before.")
    limit = serializers.IntegerField(default=20, min_value=1, max_value=MOST_GROUPS)


class GroupRow(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    count = serializers.IntegerField(help_text="Images in the group; `images` lists the first of them.")
    differ = serializers.BooleanField(help_text="Its images have labels of more than one class.")
    cosine = serializers.FloatField(help_text="Of the two most alike.")
    images = ImageRow(many=True)


class GroupList(serializers.Serializer[Any]):
    results = GroupRow(many=True)
    next = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(help_text="Groups in all.")
    differ = serializers.IntegerField(help_text="Groups whose labels differ.")
    searched_at = serializers.DateTimeField(allow_null=True, help_text="Null while nobody has looked for duplicates yet.")
    searched = serializers.IntegerField(help_text="Images that were compared.")


class SimilarView(APIView):
    @extend_schema(operation_id="images_similar", parameters=[SimilarQuery], responses=SimilarRow)
    def get(self, request: Request, project_id: int, image_id: int) -> Response:
        """The images that look most like one, by their features; 503 when the learning worker does not answer."""
        project = find_project(person(request), project_id)
        query = parsed(SimilarQuery, request.query_params)
        image = Image.objects.filter(project=project, pk=image_id).first()
        if image is None:
            raise NotFound("This project has no such image.")
        found = similar_images(image=image, count=query["count"])
        rows = _rows([one.image for one in found], project.pk)
        results = [rows[one.image] | {"cosine": one.cosine, "alike": one.kind} for one in found if one.image in rows]
        return Response({"results": results})


class DuplicatesView(APIView):
    @extend_schema(operation_id="duplicates_list", parameters=[GroupsQuery], responses=GroupList)
    def get(self, request: Request, project_id: int) -> Response:
        """Groups of near duplicates, those with differing labels first: one of the labels is often wrong."""
        project = find_project(person(request), project_id)
        query = parsed(GroupsQuery, request.query_params)
        start, limit = query["cursor"], query["limit"]
        found, total, differ = twins.groups(project, start=start, limit=limit)
        rows = _rows([image for group in found for image in group.images], project.pk)
        search = TwinSearch.objects.filter(project=project).first()
        return Response({
            "results": [
                {
                    "number": group.number, "count": group.count, "differ": group.differ, "cosine": group.cosine,
                    "images": [rows[image] for image in group.images if image in rows],
                }
                for group in found
            ],
            "next": start + limit if start + limit < total else None,
            "total": total, "differ": differ,
            "searched_at": search.made_at if search else None, "searched": search.images if search else 0,
        })


def _rows(ids: list[int], project_id: int) -> dict[int, dict[str, Any]]:
    images = Image.objects.filter(project=project_id, pk__in=ids).select_related(*RELATED)
    return {image.pk: image_row(image) for image in images}


urlpatterns = [
    path("projects/<int:project_id>/images/<int:image_id>/similar", SimilarView.as_view()),
    path("projects/<int:project_id>/duplicates", DuplicatesView.as_view()),
]
