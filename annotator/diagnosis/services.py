"""What it talks to: database, Redis, workers, the store of files, and whether a site is up on this data directory."""

from __future__ import annotations

import os
import secrets
import ssl
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from annotator.config.database import open_database_as_it_is
from annotator.diagnosis.finding import Finding, note, ok, problem
from annotator.supervisor.data_dir import running_listener, running_site
from annotator.supervisor.embedded_redis import redis_server
from annotator.supervisor.refusal import Refusal

START = "Start it with 'annotator up'."
PATIENCE = 5.0


def examine_services() -> list[Finding]:
    """Every finding about services. Django must be set up."""
    from django.conf import settings

    listener = running_listener(settings.DATA_DIR) or settings.DEVICE_URL
    return [_site(settings.DATA_DIR), _devices(listener), *_keys(), _database(), *_redis_and_workers(), _storage()]


def _site(data_dir: Path) -> Finding:
    address = running_site(data_dir)
    return ok("site", f"up at {address}") if address else note("site", f"none is up on {data_dir}", START)


def _devices(url: str) -> Finding:
    """Whether the listener for devices answers, with a certificate that devices trust."""
    from annotator.delivery.keys import authority_pem

    if not url:
        return note("devices", "nothing listens for them", "Start with 'annotator up --devices 8443' to deploy to devices.")
    address = urlsplit(url)
    if address.scheme != "https":
        return note("devices", f"{url}, without TLS", "Only this machine's own devices take that: use 'up --devices'.")
    context = ssl.create_default_context(cadata=authority_pem())
    connection = HTTPSConnection(address.hostname or "", address.port, timeout=PATIENCE, context=context)
    try:
        connection.request("GET", "/edge/")
        connection.getresponse().read()
    except ssl.SSLCertVerificationError as error:
        why = f"{url} shows a certificate that is not this workspace's ({error.verify_message})"
        return note("devices", why, "Behind a proxy of your own set ANNOTATOR_DEVICE_PIN; else see what listens there.")
    except (OSError, HTTPException) as error:
        return problem("devices", f"{url} does not answer: {error}", "See whether the site is up, and the firewall.")
    finally:
        connection.close()
    return ok("devices", f"{url} answers with this workspace's certificate")


def _keys() -> list[Finding]:
    from annotator.delivery.keys import open_to_others

    mend = "Run 'chmod -R go= keys' in the data directory; if they may have been read, delete them and enrol devices anew."
    return [problem("keys", f"others may read {path}", mend) for path in open_to_others()]


def _database() -> Finding:
    from django.db import connection

    try:
        missing = open_database_as_it_is()
    except Refusal as error:
        return problem("database", *str(error).split(": ", 1))
    if missing:
        return note("database", f"{connection.vendor}, {missing} migrations are missing", "Run 'annotator migrate'.")
    return ok("database", f"{connection.vendor}, up to date")


def _redis_and_workers() -> list[Finding]:
    from redis.exceptions import RedisError

    from annotator.jobs import bus
    from annotator.jobs.workers import queues_served, workers

    own = not os.environ.get("REDIS_URL")
    try:
        version = bus.connection().info("server")["redis_version"]
        served = queues_served(workers())
    except RedisError as error:
        if not own:
            return [problem("Redis", f"does not answer: {error}", "Start it, or correct REDIS_URL; unset, one comes along.")]
        try:
            return [note("Redis", f"not running; {redis_server()} starts with the site", START)]
        except Refusal as refusal:
            return [problem("Redis", *str(refusal).split(": ", 1))]
    found = [ok("Redis", f"{version}, {'its own' if own else 'as REDIS_URL says'}")]
    for queue, alive in served.items():
        mend = f"Start one: 'annotator worker {queue}', or 'annotator up' for all."
        found.append(ok(f"worker {queue}", "alive") if alive else note(f"worker {queue}", "none is alive", mend))
    return found


def _storage() -> Finding:
    """Writes, reads and removes a small file, as an import would."""
    from botocore.exceptions import BotoCoreError, ClientError
    from django.conf import settings
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    where = f"bucket {settings.S3_BUCKET}" if settings.S3_BUCKET else f"{settings.DATA_DIR / 'media'}"
    try:
        name = default_storage.save(f"check-{secrets.token_hex(8)}", ContentFile(b"check"))
        with default_storage.open(name) as file:
            same = file.read() == b"check"
        default_storage.delete(name)
    except (BotoCoreError, ClientError, OSError) as error:
        mend = "Check ANNOTATOR_S3_BUCKET, ANNOTATOR_S3_ENDPOINT and the AWS_ keys."
        return problem("files", f"{where} cannot be used: {error}", mend if settings.S3_BUCKET else "Check its rights.")
    if not same:
        return problem("files", f"{where} gives back other bytes than were written", "Check that storage for faults.")
    return ok("files", f"{where}, written and read")
