"""The data directory is made, checked and held by one instance at a time."""

from pathlib import Path

import pytest

from annotator.supervisor import data_dir
from annotator.supervisor.refusal import Refusal


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    made = data_dir.prepare_data_dir(tmp_path / "new" / "data")
    assert made.is_dir()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Refusal, match="is a file, not a directory: choose another with --data"):
        data_dir.prepare_data_dir(tmp_path / "data")


def test_a_file_above_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="--data"):
        data_dir.prepare_data_dir(tmp_path / "file" / "data")


def test_one_that_cannot_be_written_is_refused() -> None:
    # Root may write everywhere but here.
    with pytest.raises(Refusal, match="cannot be written"):
        data_dir.prepare_data_dir(Path("/proc/annotator"))


def test_the_second_holder_is_told_about_the_first(tmp_path: Path) -> None:
    lock = data_dir.lock_data_dir(tmp_path)
    with pytest.raises(Refusal, match=r"already running on .* \(it is still starting\)"):
        data_dir.lock_data_dir(tmp_path)
    data_dir.write_address(lock, "http://127.0.0.1:8000")
    with pytest.raises(Refusal, match=r"already running on .* \(http://127\.0\.0\.1:8000\)"):
        data_dir.lock_data_dir(tmp_path)
    lock.close()
    data_dir.lock_data_dir(tmp_path).close()


def test_other_commands_find_the_site_only_while_it_runs(tmp_path: Path) -> None:
    assert data_dir.running_site(tmp_path) is None
    lock = data_dir.lock_data_dir(tmp_path)
    data_dir.write_address(lock, "http://127.0.0.1:8000")
    assert data_dir.running_site(tmp_path) == "http://127.0.0.1:8000"
    lock.close()
    assert data_dir.running_site(tmp_path) is None
