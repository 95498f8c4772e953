"""For commands that work whether or not the site runs on the same data."""

from __future__ import annotations

import logging
import os

LATER = "The site is not running: 'annotator up' starts it, and it goes on with the rest by itself."


def hush_without_site() -> bool:
    """Whether no site can hear of what a command does; then what is said about that is kept to one sentence, LATER."""
    from redis.exceptions import RedisError

    from annotator.jobs import bus

    try:
        bus.connection().ping()
    except RedisError:
        if os.environ.get("REDIS_URL"):
            return False  # someone meant it to be there: the warnings are worth reading
        logging.getLogger("annotator.jobs").setLevel(logging.ERROR)
        return True
    return False
