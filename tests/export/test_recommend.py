"""Which precision is recommended, and the sentence that says why."""

from mlcore.measure import recommend
from tests.export.tiny import row


def test_the_quickest_that_is_as_good_wins():
    pick, because = recommend(
        [row("FP32", latency_p50_ms=10), row("FP16", latency_p50_ms=10), row("INT8", latency_p50_ms=5, accuracy=0.895)]
    )
    assert pick == "INT8"
    assert "200 audit images" in because


def test_one_that_loses_more_than_a_point_is_refused_and_named():
    pick, because = recommend([row("FP32"), row("FP16", size_bytes=500), row("INT8", latency_p50_ms=5, accuracy=0.88)])
    assert pick == "FP16"
    assert "INT8 did not pass" in because


def test_where_speeds_are_alike_the_smallest_wins():
    rows = [row("FP32", latency_p50_ms=10), row("FP16", latency_p50_ms=10.5, size_bytes=500)]
    assert recommend(rows)[0] == "FP16"


def test_a_clearly_quicker_one_wins_over_a_smaller():
    rows = [row("FP32", latency_p50_ms=5), row("FP16", latency_p50_ms=10, size_bytes=500)]
    assert recommend(rows)[0] == "FP32"


def test_few_audit_images_leave_it_to_agreement():
    few = {"n": 40, "accuracy": 0.5}
    rows = [row("FP32", **few), row("INT8", n=40, accuracy=0.9, agreement=0.97, latency_p50_ms=5)]
    pick, because = recommend(rows)
    assert pick == "FP32"
    assert "40 audit images are too few" in because
    rows[1] = row("INT8", n=40, accuracy=0.4, agreement=0.98, latency_p50_ms=5)
    assert recommend(rows)[0] == "INT8"


def test_without_audit_images_agreement_decides():
    none = {"n": 0, "accuracy": None, "low": None, "high": None}
    pick, because = recommend([row("FP32", **none), row("INT8", **none, agreement=0.99, latency_p50_ms=5)])
    assert pick == "INT8"
    assert "0 audit images" in because
