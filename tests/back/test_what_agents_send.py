"""What the runtime on a device makes is what the workspace takes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np

from annotator.delivery.models import Bundle, Device, Sighting, Vitals
from annotator.images.models import Image
from mlcore.edge.agent import back
from mlcore.edge.kept import Kept
from mlcore.edge.postprocess import Prediction
from mlcore.edge.runtime import Answer
from mlcore.edge.station import Missed, Seen
from mlcore.edge.watch import Watch
from tests.back.devices import packed, sights, this_minute
from tests.back.test_over_http import Caller
from tests.images.pictures import encoded, picture


def test_minutes_of_a_watch_are_taken(device: Device, bundle: Bundle) -> None:
    watch, at = Watch(with_features=True), this_minute(2).timestamp()
    for number, features in enumerate(sights(12, 1)):
        sure = np.asarray([0.93, 0.07])
        answer = Answer([Prediction("cup", 0.93, 0)], sure, features, np.log(sure))
        watch.note_seen(Seen(np.zeros((2, 2, 3), np.uint8), "a.jpg", answer, 8.0 + number, at + number, "folder", 1))
    watch.note_missed(Missed("It cannot be read.", False, at, "folder", 1))
    body = json.dumps({"buckets": watch.take(datetime.now(UTC).timestamp())}).encode()
    assert Caller(device).send(back.VITALS, body, "application/json").json()["stored"] == 1
    row = Vitals.objects.get()
    assert (row.count, row.errors, row.bundle, row.classes, row.confidence[18]) == (12, 1, bundle, {"cup": 12}, 12)
    assert row.features is not None and len(row.features) == 8 * sights(1, 1).shape[1] * 2


def test_what_a_keeper_kept_is_taken(device: Device, bundle: Bundle, tmp_path: Path) -> None:
    photo = tmp_path / "kept.jpg"
    photo.write_bytes(encoded(picture(3)))
    meta = {
        "id": str(uuid4()), "bundle": 1, "reason": "torn", "margin": 0.04, "distance": None, "label": "cup",
        "confidence": 0.51, "seen_at": this_minute(2).timestamp(), "privacy": "blurred",
    }
    kept = Kept(json.loads(json.dumps(meta)), base64.b64encode(packed(sights(1, 1))).decode(), 0.9, 1000, photo)
    body, kind = back.sighting_form(kept)
    answer = Caller(device).send(back.SIGHTINGS, body, kind).json()
    assert answer == {"status": "stored", "image": Image.objects.get().pk, "message": ""}
    sighting = Sighting.objects.get()
    assert (str(sighting.pk), sighting.bundle, sighting.seen_at) == (meta["id"], bundle, this_minute(2))

