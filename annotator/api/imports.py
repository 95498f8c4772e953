"""Images in: imports, files of an import, a zip in pieces."""

from __future__ import annotations

from typing import IO, Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import pipeline
from annotator.api.base import ANNOTATOR, parsed, person
from annotator.images import chunks
from annotator.images.folder_labels import folder_of
from annotator.images.ingest import close_batch, ingest_image, open_batch, require_open
from annotator.images.models import Image, Import
from annotator.jobs.models import Job
from annotator.jobs.progress import start_job
from annotator.projects.access import find_project
from annotator.projects.errors import Conflict, Invalid, NotFound, TooLarge
from annotator.projects.models import Label, Project
from annotator.projects.setup import labels_named

MOST_LISTED = 50
MOST_PROBLEMS = 500
MOST_FILES = 200
MOST_HASHES = 5000
SOURCES = [Import.Source.UPLOAD, Import.Source.ARCHIVE, Import.Source.API]


class NewImport(serializers.Serializer[Any]):
    source = serializers.ChoiceField(choices=SOURCES, default=Import.Source.UPLOAD)  # type: ignore[assignment]
    expected = serializers.IntegerField(default=0, min_value=0, max_value=100_000_000, help_text="How many files will come.")
    labels_from = serializers.ChoiceField(choices=["", "folder"], default="", help_text="'folder': folders are classes.")
    name = serializers.CharField(default="", allow_blank=True, max_length=400)


class ProblemRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ImportRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    source = serializers.ChoiceField(choices=Import.Source.choices)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=Import.State.choices)
    labels_from = serializers.CharField()
    expected = serializers.IntegerField()
    stored = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    refused = serializers.IntegerField()
    problems = ProblemRow(many=True, help_text=f"The first {MOST_PROBLEMS} refused files, and why.")
    created_at = serializers.DateTimeField()


class Hashes(serializers.Serializer[Any]):
    hashes = serializers.ListField(
        child=serializers.RegexField(r"^[0-9a-f]{64}$", error_messages={"invalid": "Write a SHA-256 as 64 hex digits."}),
        max_length=MOST_HASHES,
    )


class Known(serializers.Serializer[Any]):
    known = serializers.ListField(child=serializers.CharField())


class Files(serializers.Serializer[Any]):
    file = serializers.ListField(child=serializers.FileField())
    path = serializers.ListField(child=serializers.CharField(), required=False, help_text="Of each file, in the same order.")


class FileResult(serializers.Serializer[Any]):
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=["stored", "duplicate", "refused"])
    image = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()


class FilesAnswer(serializers.Serializer[Any]):
    results = FileResult(many=True)

    def get_fields(self) -> dict[str, Any]:
        # A field may be called so in JSON, not in Python.
        return super().get_fields() | {"import": ImportRow()}


class Offset(serializers.Serializer[Any]):
    offset = serializers.IntegerField(help_text="Where the next piece begins.")
    job = serializers.UUIDField(required=False, help_text="Once complete: the job that takes the images out.")


class ImportsView(APIView):
    @extend_schema(operation_id="imports_list", responses=ImportRow(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """The latest imports, newest first."""
        project = find_project(person(request), project_id)
        batches = Import.objects.filter(project=project).prefetch_related("problems")[:MOST_LISTED]
        return Response([import_row(batch) for batch in batches])

    @extend_schema(operation_id="imports_create", request=NewImport, responses={201: ImportRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Begin an import; then send files to it, or a zip in pieces."""
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        batch = open_batch(project=project, user=user, **parsed(NewImport, request.data))
        return Response(import_row(batch), status=status.HTTP_201_CREATED)


class ImportView(APIView):
    @extend_schema(operation_id="imports_read", responses=ImportRow)
    def get(self, request: Request, project_id: int, import_id: int) -> Response:
        """How far an import is, and what was refused."""
        return Response(import_row(_find(find_project(person(request), project_id), import_id)))


class CloseView(APIView):
    @extend_schema(operation_id="imports_close", request=None, responses=ImportRow)
    def post(self, request: Request, project_id: int, import_id: int) -> Response:
        """Say that nothing more will come."""
        project = find_project(person(request), project_id, ANNOTATOR)
        return Response(import_row(close_batch(batch=_find(project, import_id))))


class KnownView(APIView):
    @extend_schema(operation_id="imports_known", request=Hashes, responses=Known)
    def post(self, request: Request, project_id: int, import_id: int) -> Response:
        """Which of these files the project has already, so that they need not be sent."""
        project = find_project(person(request), project_id, ANNOTATOR)
        _find(project, import_id)
        hashes = parsed(Hashes, request.data)["hashes"]
        known = Image.objects.filter(project=project, sha256__in=hashes).values_list("sha256", flat=True)
        return Response({"known": list(known)})


class FilesView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="imports_files", request={"multipart/form-data": Files}, responses=FilesAnswer)
    def post(self, request: Request, project_id: int, import_id: int) -> Response:
        """Send files: each is stored, a duplicate, or refused with its reason; the rest goes on."""
        project = find_project(person(request), project_id, ANNOTATOR)
        batch = _find(project, import_id)
        require_open(batch)
        if batch.source == Import.Source.ARCHIVE:
            raise Conflict("This import takes a zip: start one with source 'upload' for files.", field="source")
        files, paths = _sent(request)
        labels = _labels(batch, paths)
        results = []
        try:
            for file, path in zip(files, paths, strict=True):
                label = labels.get(folder_of(path))
                with file:
                    data = file.read()
                results.append((path, ingest_image(project=project, batch=batch, name=path, data=data, label=label)))
        finally:
            # What was kept before the disk ran full is an image like any other.
            if any(result.status == "stored" for _, result in results):
                pipeline.images_arrived(project.pk)
        batch.refresh_from_db()
        return Response(
            {
                "results": [
                    {
                        "name": path, "status": result.status, "image": result.image.pk if result.image else None,
                        "code": result.code, "message": result.message,
                    }
                    for path, result in results
                ],
                "import": import_row(batch),
            }
        )


class RawParser(BaseParser):
    """Leaves the body as the stream that it is."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {"stream": stream}


class ArchiveView(APIView):
    parser_classes = [RawParser]

    @extend_schema(operation_id="imports_archive_offset", responses=Offset)
    def get(self, request: Request, project_id: int, import_id: int) -> Response:
        """How much of the zip has come."""
        batch = _find(find_project(person(request), project_id), import_id)
        archive = getattr(batch, "archive", None)
        return Response({"offset": archive.offset if archive else 0})

    @extend_schema(
        operation_id="imports_archive_chunk",
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True, description="Where it begins."),
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True, description="Of the whole zip."),
        ],
        responses={200: Offset, 409: Offset},
    )
    def put(self, request: Request, project_id: int, import_id: int) -> Response:
        """Send the next piece of a zip. 409 answers where the next piece begins; the last piece starts the job."""
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        batch = _find(project, import_id)
        offset, length = _number(request, "Upload-Offset"), _number(request, "Upload-Length")
        try:
            archive = chunks.add_chunk(batch=batch, offset=offset, length=length, data=_body(request))
        except chunks.WrongOffset as error:
            content = {"error": {"code": error.code, "message": error.message, "field": error.field}, "offset": error.offset}
            return Response(content, status=status.HTTP_409_CONFLICT)
        if archive.offset < archive.length:
            return Response({"offset": archive.offset})
        job = start_job(project=project, kind=Job.Kind.IMPORT, params={"import": batch.pk}, user=user, message="Waiting")
        return Response({"offset": archive.offset, "job": job.pk})


def import_row(batch: Import) -> dict[str, Any]:
    """An import as the API gives it."""
    fields = ("name", "source", "state", "labels_from", "expected", "stored", "duplicates", "refused", "created_at")
    problems = list(batch.problems.all()[:MOST_PROBLEMS])
    listed = [{"name": one.name, "code": one.code, "message": one.message} for one in problems]
    return {"id": batch.pk, **{field: getattr(batch, field) for field in fields}, "problems": listed}


def _find(project: Project, import_id: int) -> Import:
    batch = Import.objects.filter(project=project, pk=import_id).select_related("created_by", "archive").first()
    if batch is None:
        raise NotFound("This project has no such import.")
    return batch


def _sent(request: Request) -> tuple[list[Any], list[str]]:
    files = request.FILES.getlist("file")
    paths = request.POST.getlist("path") or [file.name or "" for file in files]
    if not files:
        raise Invalid("No file came: send at least one in the field 'file'.", field="file")
    if len(files) > MOST_FILES:
        raise TooLarge(f"At most {MOST_FILES} files in one request: send more requests.", field="file")
    if len(paths) != len(files):
        raise Invalid(f"{len(files)} files but {len(paths)} paths: send one path for each file, or none.", field="path")
    return files, paths


def _labels(batch: Import, paths: list[str]) -> dict[str, Label]:
    if batch.labels_from != "folder":
        return {}
    return labels_named(project=batch.project, names=sorted({folder for path in paths if (folder := folder_of(path))}))


def _number(request: Request, header: str) -> int:
    value = request.headers.get(header, "")
    if not value.isdecimal() or len(value) > 18:
        raise Invalid(f"The header {header} must be a number of bytes.", field=header)
    return int(value)


def _body(request: Request) -> bytes:
    declared = request.headers.get("Content-Length", "")
    if not declared.isdecimal():
        raise Invalid("Send the piece with its Content-Length.", field="Content-Length")
    if int(declared) > chunks.CHUNK_BYTES:
        raise TooLarge(f"A piece may have at most {chunks.CHUNK_BYTES:,} bytes: send smaller ones.", field="body")
    stream: IO[bytes] = cast(Any, request.data)["stream"]
    data = stream.read(int(declared))
    if len(data) != int(declared):
        raise Invalid("The piece was cut off on its way: send it again.", field="body")
    return data
