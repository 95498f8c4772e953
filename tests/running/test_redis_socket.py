"""The embedded Redis is reachable under any data directory, also a long one or one with odd characters."""

from pathlib import Path

import pytest
import redis
from celery import Celery

from annotator.config.redis_socket import LONGEST_PATH, socket_path, socket_url
from annotator.supervisor.embedded_redis import answers, embedded_redis, end_orphan, put_broken_file_aside
from annotator.supervisor.log_file import LogFile
from tests.installation import wait_until


def test_it_lies_in_the_data_directory(tmp_path: Path) -> None:
    assert socket_path(Path("/data")) == Path("/data/redis.sock")


def test_a_path_too_long_for_the_kernel_moves_to_a_short_one() -> None:
    long = Path("/" + "x" * 120)
    assert len(str(socket_path(long))) <= LONGEST_PATH
    assert socket_path(long) != socket_path(Path("/" + "y" * 120))


@pytest.mark.parametrize("name", ["plain", "with space & 100%", "d" * 110])
def test_redis_and_celery_both_get_through(tmp_path: Path, name: str) -> None:
    data = tmp_path / name
    data.mkdir()
    path = socket_path(data)
    server = embedded_redis(data, path, LogFile(data / "log"))
    server.start()
    wait_until(lambda: answers(path), "Redis")
    try:
        assert redis.Redis.from_url(socket_url(data)).ping()
        app = Celery(broker=socket_url(data).replace("unix://", "redis+socket://", 1))
        app.send_task("anything", queue="somewhere")
        assert redis.Redis.from_url(socket_url(data)).llen("somewhere") == 1
    finally:
        server.kill_group()


def test_one_left_over_is_ended(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    server = embedded_redis(tmp_path, path, LogFile(tmp_path / "log"))
    server.start()
    wait_until(lambda: answers(path), "Redis")
    end_orphan(path)
    assert server.process is not None
    assert server.process.wait(30) == 0


def test_an_unreadable_queue_file_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"this is no append-only file at all")
    server = embedded_redis(tmp_path, socket_path(tmp_path), LogFile(tmp_path / "log"))
    server.start()
    assert server.process is not None
    said, _ = server.process.communicate(timeout=30)
    server.last_lines.extend(said.decode().splitlines())
    aside = put_broken_file_aside(tmp_path, server)
    assert aside is not None
    assert aside.read_bytes() == b"this is no append-only file at all"
    assert not (tmp_path / "redis" / "appendonly.aof").exists()
