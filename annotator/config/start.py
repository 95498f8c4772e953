"""Starts Django for a command that needs it; a setting that is wrong comes out as one sentence."""

from __future__ import annotations

import os
from pathlib import Path

from annotator.supervisor.data_dir import prepare_data_dir
from annotator.supervisor.refusal import Refusal


def start_django(data: Path | None = None) -> None:
    """Load settings and models, with `data` as the data directory where it is given."""
    if data is not None:
        os.environ["ANNOTATOR_DATA"] = str(prepare_data_dir(data))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.config.settings")

    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise Refusal(str(error)) from error
