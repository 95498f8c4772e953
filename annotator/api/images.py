"""Images: the list behind the grid, one with its history, and their bytes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import pipeline
from annotator.api.annotations import AnnotationRow, history
from annotator.api.base import OWNER, parsed, person
from annotator.api.image_rows import RELATED, ImageRow, image_row
from annotator.images import files
from annotator.images.models import Image
from annotator.images.remove import remove_image
from annotator.labelling.models import Annotation
from annotator.projects.access import find_project
from annotator.projects.errors import Invalid, NotFound
from annotator.projects.models import Project

MOST = 200
FOR_EVER = "private, max-age=31536000, immutable"
KINDS = {"labelled": Annotation.Kind.LABEL, "skipped": Annotation.Kind.SKIP, "flagged": Annotation.Kind.FLAG}


class ListQuery(serializers.Serializer[Any]):
    cursor = serializers.IntegerField(default=0, min_value=0, max_value=2**62, help_text="`next` of the page before.")
    limit = serializers.IntegerField(default=60, min_value=1, max_value=MOST)
    label = serializers.CharField(default="", max_length=20, help_text="The id of a class, or 'none'.")  # type: ignore[assignment]
    state = serializers.ChoiceField(default="", choices=["", "unlabelled", "audit", *KINDS])
    search = serializers.CharField(default="", allow_blank=True, max_length=200, help_text="Part of the name.")
    device = serializers.UUIDField(default=None, allow_null=True, help_text="The device that sent them.")


class ImageList(serializers.Serializer[Any]):
    results = ImageRow(many=True)
    next = serializers.IntegerField(allow_null=True)


class ImageDetail(ImageRow):
    size = serializers.IntegerField(help_text="In bytes.")
    format = serializers.CharField()
    sha256 = serializers.CharField()
    added_at = serializers.DateTimeField()
    feature_error = serializers.CharField()
    history = AnnotationRow(many=True)


class ImagesView(APIView):
    @extend_schema(operation_id="images_list", parameters=[ListQuery], responses=ImageList)
    def get(self, request: Request, project_id: int) -> Response:
        """Images in the order in which they came, a page at a time."""
        project = find_project(person(request), project_id)
        query = parsed(ListQuery, request.query_params)
        rows = _matching(project, query).filter(pk__gt=query["cursor"]).select_related(*RELATED).order_by("pk")
        found = list(rows[: query["limit"] + 1])
        page = found[: query["limit"]]
        following = page[-1].pk if len(found) > len(page) else None
        return Response({"results": [image_row(image) for image in page], "next": following})


class ImageView(APIView):
    @extend_schema(operation_id="images_read", responses=ImageDetail)
    def get(self, request: Request, project_id: int, image_id: int) -> Response:
        """One image, with everything that was said about it."""
        project = find_project(person(request), project_id)
        image = _find(project, image_id)
        more = {field: getattr(image, field) for field in ("size", "format", "sha256", "added_at", "feature_error")}
        return Response(image_row(image) | more | {"history": history(project.pk, image.pk)})

    @extend_schema(operation_id="images_delete", request=None, responses={204: None})
    def delete(self, request: Request, project_id: int, image_id: int) -> Response:
        """Delete an image with its files and what was said about it (owners)."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        remove_image(image=_find(project, image_id), user=user)
        pipeline.images_removed(project.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


_V = [OpenApiParameter("v", str, description="Part of the hash: makes the address change with the content.")]
_BYTES = {(200, "image/*"): OpenApiTypes.BINARY, 304: OpenApiResponse(description="You have it already.")}


class ThumbView(APIView):
    @extend_schema(operation_id="images_thumb", parameters=_V, responses=_BYTES)
    def get(self, request: Request, project_id: int, image_id: int) -> HttpResponseBase:
        """At most 320 pixels."""
        return _bytes(request, project_id, image_id, files.thumb)


class DisplayView(APIView):
    @extend_schema(operation_id="images_display", parameters=_V, responses=_BYTES)
    def get(self, request: Request, project_id: int, image_id: int) -> HttpResponseBase:
        """At most 1600 pixels, without metadata."""
        return _bytes(request, project_id, image_id, files.display)


def _bytes(request: Request, project_id: int, image_id: int, read: Any) -> HttpResponseBase:
    project = find_project(person(request), project_id)
    image = Image.objects.filter(project=project, pk=image_id).first()
    if image is None:
        raise NotFound("This project has no such image.")
    headers = {
        "ETag": f'"{image.sha256}"', "Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if headers["ETag"] in request.headers.get("If-None-Match", ""):
        return HttpResponseNotModified(headers=headers)
    data, kind = read(image)
    return HttpResponse(data, content_type=kind, headers=headers | {"Content-Disposition": "inline"})


def _find(project: Project, image_id: int) -> Image:
    image = Image.objects.filter(project=project, pk=image_id).select_related(*RELATED).first()
    if image is None:
        raise NotFound("This project has no such image.")
    return image


def _matching(project: Project, query: dict[str, Any]) -> QuerySet[Image]:
    images = Image.objects.filter(project=project)
    if query["state"] in KINDS:
        images = images.filter(standing__project=project, standing__kind=KINDS[query["state"]])
    elif query["state"] == "audit":
        images = images.filter(is_audit=True)
    elif query["state"] == "unlabelled":
        images = images.filter(standing=None)
    if query["label"] == "none":
        images = images.exclude(standing__kind=Annotation.Kind.LABEL)
    elif query["label"]:
        if not query["label"].isdecimal():
            raise Invalid("label must be the id of a class, or 'none'.", field="label")
        images = images.filter(
            standing__project=project, standing__kind=Annotation.Kind.LABEL, standing__label=int(query["label"])
        )
    if query["device"] is not None:
        images = images.filter(sighting__device=query["device"])
    if query["search"]:
        images = images.filter(name__icontains=query["search"])
    return images
