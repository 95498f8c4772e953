"""Logs stay small, and a disk that cannot be written costs lines, not the process."""

from pathlib import Path

from annotator.supervisor.log_file import LogFile


def test_lines_are_appended(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log")
    log.write(b"one\n")
    log.write(b"two\n")
    assert log.path.read_bytes() == b"one\ntwo\n"


def test_past_its_size_it_turns_and_two_old_ones_are_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", largest=10)
    for line in (b"aaaaaaaa\n", b"bbbbbbbb\n", b"cccccccc\n", b"dddddddd\n"):
        log.write(line)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"web.log": b"dddddddd\n", "web.log.1": b"cccccccc\n", "web.log.2": b"bbbbbbbb\n"}


def test_a_folder_that_is_gone_is_survived(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "gone" / "web.log")
    log.write(b"line\n")
    assert not log.path.exists()
