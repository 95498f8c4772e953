"""The servers that other tests rely on are real ones."""

import dj_database_url
import psycopg
import redis

from tests.servers import PostgresServer, RedisServer


def test_postgres_answers_and_each_database_is_new(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.new_database(), postgres_server.new_database()
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("CREATE TABLE things (name text)")
    with psycopg.connect(second) as connection:
        found = connection.execute("SELECT version(), to_regclass('things')").fetchone()
    assert found is not None
    assert found[0].startswith("PostgreSQL")
    assert found[1] is None


def test_the_postgres_url_is_one_that_the_settings_take(postgres_url: str) -> None:
    settings = dj_database_url.parse(postgres_url)
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert settings["HOST"].startswith("/")


def test_redis_keeps_its_data_over_a_restart(redis_server: RedisServer) -> None:
    redis.Redis.from_url(redis_server.url).set("key", "value")
    redis_server.stop()
    redis_server.start()
    assert redis.Redis.from_url(redis_server.url).get("key") == b"value"
