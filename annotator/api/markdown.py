"""Guidelines while they are being written, as everybody will see them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import parsed
from annotator.projects.markdown import to_html
from annotator.projects.setup import LONGEST_GUIDELINES


class MarkdownText(serializers.Serializer[Any]):
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=LONGEST_GUIDELINES)


class MarkdownHtml(serializers.Serializer[Any]):
    html = serializers.CharField(help_text="Safe to show.")


class MarkdownView(APIView):
    @extend_schema(operation_id="markdown_preview", request=MarkdownText, responses=MarkdownHtml)
    def post(self, request: Request) -> Response:
        """Markdown as the HTML that a project's guidelines would become; nothing is kept."""
        return Response({"html": to_html(parsed(MarkdownText, request.data)["text"])})
