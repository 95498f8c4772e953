"""The process that learns, and the one that serves pages, never load what they do not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

START = "import django, sys; django.setup(); "
HEAVY = "torch", "openvino", "sklearn", "nncf", "torchvision"
PRINT = "; print(sorted(set(sys.modules) & set(%r)))"


def loaded(code: str, names: tuple[str, ...], tmp_path: Path) -> str:
    """Which of `names` a fresh process has loaded after `code`."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "annotator.config.settings", "ANNOTATOR_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", START + code + PRINT % (names,)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("head", ["blend"])
def test_a_turn_loads_no_torch_and_no_openvino(head: str, tmp_path: Path) -> None:
    code = (
        "from annotator.learning import learn, tasks, embed; import numpy as np; from mlcore.loop import step; "
        "rng = np.random.default_rng(0); x = rng.normal(size=(50, 8)).astype('f4'); "
        "x /= np.linalg.norm(x, axis=1, keepdims=True); y = np.full(50, -1); y[:20] = np.arange(20) % 2; "
        f"step(features=x, labels=y, n_classes=2, in_flight=y > 5, excluded=y > 5, k=5, head='{head}')"
    )
    assert loaded(code, HEAVY, tmp_path) == "[]"


@pytest.mark.slow
def test_the_web_process_loads_no_learning_library(tmp_path: Path) -> None:
    code = "import annotator.config.asgi; from django.urls import get_resolver; get_resolver().url_patterns"
    assert loaded(code, (*HEAVY, "scipy", "safetensors", "mlcore.loop"), tmp_path) == "[]"


@pytest.mark.slow
def test_importing_every_task_loads_none_either(tmp_path: Path) -> None:
    code = "from annotator.config.celery import app; app.loader.import_default_modules(); app.finalize()"
    assert loaded(code, (*HEAVY, "scipy", "mlcore.loop"), tmp_path) == "[]"
