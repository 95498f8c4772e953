"""Each image says why it is shown, in words."""

from __future__ import annotations

from typing import get_args

import pytest

from annotator.learning.rank import TEXTS, reason_text
from annotator.projects.models import Label
from mlcore.loop import Code, Reason

CUP, GLASS = Label(name="cup"), Label(name="glass")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("torn", (0, 1), 0.1), "torn between cup and glass"),
        (Reason("torn", (0, 0), 0.1), "the model is unsure"),
        (Reason("rare_class", (1,), 0.4), "may be glass, which has few labels"),
        (Reason("disputed", (0, 1), 0.1), "equally good models disagree: cup or glass"),
        (Reason("disputed", (0, 0), 0.0), "the model is unsure"),
        (Reason("odd", (1,), 0.4), "not like the glass seen so far"),
        (Reason("unlike", (), 0.9), "unlike anything labelled yet"),
        (Reason("audit"), "audit: checks the model, is not learnt from"),
    ],
)
def test_a_reason_reads_well(reason: Reason, text: str) -> None:
    assert reason_text(reason, [CUP, GLASS]) == text


@pytest.mark.parametrize("code", get_args(Code))
def test_every_reason_has_words(code: Code) -> None:
    assert code in {*TEXTS, "torn", "rare_class", "disputed", "odd"}
    assert reason_text(Reason(code, (0, 1)), [CUP, GLASS])


def test_long_names_fit_into_the_row() -> None:
    long = Label(name="x" * 80)
    assert len(reason_text(Reason("torn", (0, 1)), [long, Label(name="y" * 80)])) <= 200
