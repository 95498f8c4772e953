"""What a device tells of its minutes."""

import base64

import numpy as np
import pytest

from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.station import BY_MODEL, Missed, Seen, Station
from mlcore.edge.watch import Watch
from tests.edge.fakes import FakeModel, answer

NOON = 1_800_000_000 // 60 * 60


def seen(at: float, *, best: float = 0.9, ms: float = 10.0, number: int | None = 1, features=(1.0, 0.0, 0.0)) -> Seen:
    rest = (1 - best) / 2
    return Seen(np.zeros((4, 4, 3), np.uint8), b"", answer((best, rest, rest), features), ms, at, "test", number)


def test_a_minute_is_handed_over_when_it_is_over():
    watch = Watch()
    watch.note_seen(seen(NOON + 1))
    assert watch.take(NOON + 59.9) == []
    (bucket,) = watch.take(NOON + 60)
    assert bucket["at"] == "2027-01-15T08:00:00+00:00"
    assert watch.take(NOON + 60) == []


def test_it_counts_answers_errors_classes_and_confidence():
    watch = Watch()
    for n in range(10):
        watch.note_seen(seen(NOON + n / 5, best=0.97 if n else 0.52, ms=float(n + 1)))
    watch.note_missed(Missed("It is damaged.", "damaged", NOON + 3, "test", 1))
    watch.note_missed(Missed("It failed.", BY_MODEL, NOON + 3, "test", 1))
    (bucket,) = watch.take(NOON + 60)
    assert (bucket["count"], bucket["errors"], bucket["bundle"]) == (10, 2, 1)
    assert bucket["classes"] == {"red": 10}
    assert bucket["confidence"] == [0] * 10 + [1] + [0] * 8 + [9]
    assert (bucket["p50_ms"], bucket["p95_ms"]) == (5.5, pytest.approx(9.55))
    assert bucket["throughput"] == 5


def test_certainty_itself_has_a_bin():
    watch = Watch()
    watch.note_seen(seen(NOON, best=1.0))
    assert watch.take(NOON + 60)[0]["confidence"][-1] == 1


def test_minutes_with_errors_alone_have_no_times():
    watch = Watch()
    watch.note_missed(Missed("It is damaged.", "damaged", NOON, "test", 1))
    (bucket,) = watch.take(NOON + 60)
    assert (bucket["count"], bucket["errors"], bucket["p50_ms"], bucket["p95_ms"]) == (0, 1, None, None)


def test_features_are_a_sample_and_only_where_they_may_leave():
    for allowed in (False, True):
        watch = Watch(with_features=allowed)
        for n in range(100):
            watch.note_seen(seen(NOON, features=(n, 0, 1)))
        (bucket,) = watch.take(NOON + 60)
        assert ("features" in bucket) is allowed
    rows = np.frombuffer(base64.b64decode(bucket["features"]), np.float16).reshape(8, 3)
    assert len(set(rows[:, 0])) == 8
    assert rows[:, 0].max() > 7


def test_features_do_not_leave_when_permission_is_taken_back_before_the_minute_is_over():
    watch = Watch(with_features=True)
    watch.note_seen(seen(NOON))
    watch.with_features = False
    assert "features" not in watch.take(NOON + 60)[0]


def test_the_minute_of_a_swap_names_the_model_that_answered_last():
    watch = Watch()
    watch.note_seen(seen(NOON, number=1))
    watch.note_seen(seen(NOON + 1, number=2))
    assert [(one["bundle"], one["count"]) for one in watch.take(NOON + 60)] == [(2, 2)]


def test_what_could_not_be_delivered_comes_first_the_next_time():
    watch = Watch()
    watch.note_seen(seen(NOON))
    watch.note_seen(seen(NOON + 60))
    first = watch.take(NOON + 120)
    watch.put_back(first)
    watch.note_seen(seen(NOON + 120))
    assert watch.take(NOON + 180)[:2] == first


def test_a_device_that_nobody_listens_to_forgets_the_oldest_minutes():
    watch = Watch()
    for minute in range(1500):
        watch.note_seen(seen(NOON + 60 * minute))
    buckets = watch.take(NOON + 60 * 1500)
    watch.put_back(buckets)
    watch.put_back(buckets)
    assert len(buckets) == 1440
    assert len(watch.take(NOON + 60 * 1500)) == 1440


def test_a_clock_set_back_opens_no_minute_twice():
    watch = Watch()
    watch.note_seen(seen(NOON + 60))
    watch.note_seen(seen(NOON))
    assert [one["count"] for one in watch.take(NOON + 120)] == [2]


def test_a_clock_that_was_far_ahead_holds_nothing_up():
    watch = Watch()
    watch.note_seen(seen(NOON + 86_400))
    watch.note_seen(seen(NOON))
    assert [one["count"] for one in watch.take(NOON + 60)] == [1, 1]


def test_it_watches_a_station():
    station = Station(FakeModel(5))
    watch = Watch(station)
    station.answer(b"good")
    with pytest.raises(UnreadableImage):
        station.answer(b"bad")
    buckets = watch.take(1e11)
    assert [sum(one[key] for one in buckets) for key in ("count", "errors")] == [1, 1]
    assert buckets[0]["bundle"] == 5
