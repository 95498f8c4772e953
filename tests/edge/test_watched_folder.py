"""Pictures that are put into a folder: each is answered once, when it is whole."""

import json

import pytest

from mlcore.edge.folder import GIVEN_UP, MEMORY, SETTLED, WatchedFolder


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "in"
    made.mkdir()
    return made


def names(watched: WatchedFolder, clock: Clock) -> list[str]:
    """What is ready after the time that a file takes to settle."""
    watched.look()
    clock.now += SETTLED
    return [path.relative_to(watched.folder).as_posix() for path in watched.look()]


def test_a_picture_is_taken_when_it_has_settled_and_once(folder, clock):
    watched = WatchedFolder(folder, clock=clock)
    (folder / "a.jpg").write_bytes(b"a")
    assert watched.look() == []
    clock.now += SETTLED
    (path,) = watched.look()
    assert watched.finish(path, answered=True)
    assert names(watched, clock) == []


def test_only_pictures_are_taken_also_from_below_and_nothing_hidden(folder, clock):
    (folder / "below").mkdir()
    for name in ("a.jpg", "below/b.PNG", "notes.txt", ".c.jpg", "d.jpg.part"):
        (folder / name).write_bytes(b"x")
    assert sorted(names(WatchedFolder(folder, clock=clock), clock)) == ["a.jpg", "below/b.PNG"]


def test_a_file_that_grows_is_waited_for(folder, clock):
    watched = WatchedFolder(folder, clock=clock)
    for size in range(1, 5):
        (folder / "a.jpg").write_bytes(b"a" * size)
        assert watched.look() == []
        clock.now += SETTLED * 0.9
    clock.now += SETTLED
    assert len(watched.look()) == 1


def test_a_file_renamed_into_its_place_is_taken_like_any_other(folder, clock):
    (folder / ".a.jpg").write_bytes(b"a")
    watched = WatchedFolder(folder, clock=clock)
    assert names(watched, clock) == []
    (folder / ".a.jpg").rename(folder / "a.jpg")
    assert names(watched, clock) == ["a.jpg"]


def test_what_cannot_be_read_is_tried_again_before_it_is_told(folder, clock):
    """Its writer may have paused in the middle."""
    watched = WatchedFolder(folder, clock=clock)
    (folder / "a.jpg").write_bytes(b"half")
    watched.look()
    clock.now += SETTLED
    assert not watched.finish(watched.look()[0], answered=False)
    assert names(watched, clock) == []
    clock.now += GIVEN_UP
    assert watched.finish(watched.look()[0], answered=False)
    clock.now += GIVEN_UP
    assert watched.look() == []


def test_a_half_file_that_becomes_whole_is_answered(folder, clock):
    watched = WatchedFolder(folder, clock=clock)
    (folder / "a.jpg").write_bytes(b"half")
    watched.look()
    clock.now += SETTLED
    watched.finish(watched.look()[0], answered=False)
    (folder / "a.jpg").write_bytes(b"whole now")
    assert names(watched, clock) == ["a.jpg"]


def test_another_file_under_the_same_name_is_another_picture(folder, clock):
    watched = WatchedFolder(folder, clock=clock)
    for content in (b"one", b"another"):
        (folder / "a.jpg").write_bytes(content)
        assert names(watched, clock) == ["a.jpg"]
        watched.finish(folder / "a.jpg", answered=True)


def test_a_restart_remembers_what_was_answered(folder, clock):
    watched = WatchedFolder(folder, clock=clock)
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"x")
    names(watched, clock)
    watched.finish(folder / "a.jpg", answered=True)
    with (folder / MEMORY).open("a") as memory:
        memory.write('["cut off when the po')
    assert names(WatchedFolder(folder, clock=clock), clock) == ["b.jpg"]
    assert [json.loads(line)[0] for line in (folder / MEMORY).read_text().splitlines()] == ["a.jpg"]


def test_answered_pictures_may_be_moved_out_of_the_way(folder, clock):
    watched = WatchedFolder(folder, afterwards="move", clock=clock)
    (folder / "below").mkdir()
    for content, answered in ((b"one", True), (b"two", True), (b"bad", False)):
        (folder / "below" / "a.jpg").write_bytes(content)
        assert names(watched, clock) == ["below/a.jpg"]
        if not watched.finish(folder / "below" / "a.jpg", answered=answered):
            clock.now += GIVEN_UP
            watched.finish(watched.look()[0], answered=False)
    assert names(watched, clock) == []
    moved = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")}
    assert moved == {"answered/below/a.jpg": b"one", "answered/below/a-2.jpg": b"two", "unreadable/below/a.jpg": b"bad"}


def test_a_folder_that_is_away_is_told_and_waited_for(folder, clock):
    (folder / "a.jpg").write_bytes(b"x")
    watched = WatchedFolder(folder, clock=clock)
    names(watched, clock)
    watched.finish(folder / "a.jpg", answered=True)
    folder.rename(folder.with_name("elsewhere"))
    assert names(watched, clock) == []
    assert "cannot be read" in watched.trouble
    folder.with_name("elsewhere").rename(folder)
    assert names(watched, clock) == []
    assert watched.trouble == ""


def test_a_picture_that_went_away_by_itself_is_forgotten(folder, clock):
    watched = WatchedFolder(folder, clock=clock)
    (folder / "a.jpg").write_bytes(b"x")
    names(watched, clock)
    (folder / "a.jpg").unlink()
    assert not watched.finish(folder / "a.jpg", answered=False)
    assert watched.look() == []
