"""What must outlive a power cut is whole at every moment."""

import os
import zipfile

import pytest

from mlcore.edge.agent.durable import write_json
from mlcore.edge.agent.orders import Order
from mlcore.edge.agent.unpack import unpack_zip
from mlcore.edge.agent.versions import State, StateProblem, Version, Versions, read_state
from mlcore.edge.manifest import BundleProblem

OLD, NEW = Version("a" * 64, 1), Version("b" * 64, 2)
ORDER = Order("one", 3, 2, NEW.sha256, 1000)


@pytest.fixture
def versions(home) -> Versions:
    home.make()
    return Versions(home)


def test_a_new_device_has_nothing(versions):
    assert versions.state == State()


def test_the_state_survives_the_process(versions, home):
    versions.take(ORDER)
    versions.took_over(OLD, ORDER)
    versions.take(ORDER)
    versions.took_over(NEW, ORDER)
    state = Versions(home).state
    assert (state.running, state.previous, state.order, state.outcome) == (NEW, OLD, ORDER, "done")


def test_a_newer_order_is_not_settled_by_the_end_of_an_older_one(versions):
    newer = Order("one", 4, 3, "c" * 64, 1000)
    versions.take(ORDER)
    versions.take(newer)
    versions.settle(ORDER, "failed", "too slow")
    versions.took_over(NEW, ORDER)
    assert versions.state.pending == newer
    assert versions.state.running == NEW


def test_going_back_keeps_what_was_ordered_meanwhile(versions):
    newer = Order("one", 4, 3, "c" * 64, 1000)
    versions.took_over(OLD, ORDER)
    versions.took_over(NEW, ORDER)
    versions.take(newer)
    versions.went_back("it failed", outcome="failed")
    assert versions.state.running == OLD
    assert versions.state.pending == newer


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_is_cut_short_leaves_what_was_there(versions, home, monkeypatch, moment):
    versions.take(ORDER)

    def cut(*_):
        raise OSError(5, "the power went")

    monkeypatch.setattr(os, moment, cut)
    with pytest.raises(OSError, match="power"):
        versions.settle(ORDER, "done")
    monkeypatch.undo()
    assert read_state(home) == versions.state
    assert versions.state.outcome == "pending"


@pytest.mark.parametrize("content", ['{"serial"', "[]", '{"order": {"nothing": 1}}', '{"unknown": 1}'])
def test_a_damaged_state_is_told_with_the_mend(home, content):
    home.make()
    home.state.write_text(content)
    with pytest.raises(StateProblem, match="delete it, and the device takes up its newest order anew"):
        Versions(home)


def test_only_what_may_be_needed_stays_on_the_disk(versions, home):
    versions.took_over(OLD, ORDER)
    versions.took_over(NEW, ORDER)
    for sha256 in (OLD.sha256, NEW.sha256, "c" * 64):
        versions.folder(sha256).mkdir()
        versions.part(sha256).touch()
    (home.bundles / "dddd.half").mkdir()
    versions.take(Order("one", 4, 3, "c" * 64, 1000))
    versions.prune()
    assert {path.name for path in home.bundles.iterdir()} == {"a" * 16, "b" * 16, "c" * 16}
    assert [path.name for path in home.downloads.iterdir()] == ["c" * 64 + ".part"]
    versions.settle(versions.state.order, "failed", "too slow")
    versions.prune()
    assert {path.name for path in home.bundles.iterdir()} == {"a" * 16, "b" * 16}
    assert list(home.downloads.iterdir()) == []


def test_a_bundle_is_unpacked_whole(zips, tmp_path):
    unpack_zip(zips[1], tmp_path / "bundle")
    assert (tmp_path / "bundle" / "manifest.json").exists()
    assert not (tmp_path / "bundle.half").exists()


def test_what_an_interrupted_unpacking_left_is_replaced(zips, tmp_path):
    (tmp_path / "bundle.half").mkdir()
    (tmp_path / "bundle.half" / "manifest.json").touch()
    unpack_zip(zips[1], tmp_path / "bundle")
    assert (tmp_path / "bundle" / "manifest.json").stat().st_size > 0


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside", "a\\outside", "C:outside"])
def test_a_zip_that_reaches_outside_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(BundleProblem, match="outside of itself"):
        unpack_zip(tmp_path / "evil.zip", tmp_path / "bundle")
    assert not list(tmp_path.rglob("outside"))


def test_what_is_no_zip_leaves_nothing(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip at all")
    with pytest.raises(BundleProblem, match="not a zip"):
        unpack_zip(tmp_path / "no.zip", tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["no.zip"]


def test_a_disk_that_fills_up_while_unpacking_leaves_nothing(zips, tmp_path, full_disk):
    full_disk(after=20_000)
    with pytest.raises(OSError, match="No space left"):
        unpack_zip(zips[1], tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_json_is_replaced_and_not_mixed(tmp_path):
    write_json(tmp_path / "a.json", {"long": "x" * 1000})
    write_json(tmp_path / "a.json", {"b": 1})
    assert (tmp_path / "a.json").read_text() == '{\n "b": 1\n}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
