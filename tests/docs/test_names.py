"""Everything that can be chosen by name is explained: strategies, heads, backbones, samples, reasons, queues."""

from __future__ import annotations

import pytest

from annotator.cli.worker import QUEUES
from annotator.images.samples import SAMPLES
from annotator.labelling.queue import AUDIT, UNRANKED
from annotator.learning.rank import TEXTS
from mlcore import backbones, heads, strategies
from tests.docs.markdown import DOCS, inline_code

EXPLAINED = {code for page in DOCS.glob("*.md") for code in inline_code(page)}


@pytest.mark.parametrize("name", [*strategies.REGISTRY, *heads.REGISTRY, *heads.MULTI_LABEL])
def test_a_strategy_or_head_is_explained_with_active_learning(name: str) -> None:
    assert name in inline_code(DOCS / "active-learning.md")


@pytest.mark.parametrize("name", backbones.REGISTRY)
def test_a_backbone_is_explained(name: str) -> None:
    assert name in EXPLAINED


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_explained(name: str) -> None:
    assert name in EXPLAINED


@pytest.mark.parametrize("text", sorted({*TEXTS.values(), AUDIT["reason"]["text"], UNRANKED["reason"]["text"]}))
def test_a_reason_is_explained_in_its_own_words(text: str) -> None:
    assert text.lower() in (DOCS / "labelling.md").read_text().lower()


def test_the_sample_that_needs_no_download_is_in_the_quickstart() -> None:
    assert SAMPLES["digits"].title in (DOCS / "quickstart.md").read_text()
