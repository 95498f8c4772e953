"""/healthz: whether database, Redis and workers are there, for people, proxies and monitors. Quick, and without secrets."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from annotator.jobs.workers import QUEUES, queues_served, workers

log = logging.getLogger(__name__)


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 with status "ok", or "degraded" when a queue has no worker (labelling goes on); 503 with "down" otherwise."""
    database = _database_answers()
    try:
        served, redis = queues_served(workers()), True
    except RedisError as error:
        log.warning("Redis does not answer: %s", error)
        served, redis = dict.fromkeys(QUEUES, False), False
    up = database and redis
    status = "down" if not up else "ok" if all(served.values()) else "degraded"
    answer = {
        "status": status,
        "database": _word(database),
        "redis": _word(redis),
        "workers": {queue: _word(alive) for queue, alive in served.items()},
    }
    return JsonResponse(answer, status=200 if up else 503, headers={"Cache-Control": "no-store"})


def _database_answers() -> bool:
    """Asks for something that only a migrated database has."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            cursor.fetchone()
    except DatabaseError as error:
        log.warning("the database does not answer: %s", error)
        return False
    return True


def _word(fine: bool) -> str:
    return "ok" if fine else "down"
