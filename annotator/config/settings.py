"""Every setting of the application, each read from one environment variable and explained where it is read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from annotator import __version__
from annotator.config.redis_socket import socket_url

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None or value == "":
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is '{value}': write 1 or 0.")


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    try:
        return int(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is '{value}': write a whole number.") from error


def _list(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


# --- where things are ---------------------------------------------------------------------------------------

# ANNOTATOR_DATA: the one folder with everything that is yours: database, images, features, models, bundles, logs.
DATA_DIR = Path(os.environ.get("ANNOTATOR_DATA") or Path.home() / ".edge-annotator").expanduser().resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

# ANNOTATOR_DEBUG: Django's debug pages. For developers only, never on a network.
DEBUG = _flag("ANNOTATOR_DEBUG", False)


def _secret_key() -> str:
    """A random secret for this install, made once and kept with owner-only rights in the data directory."""
    path = DATA_DIR / "secret.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        key = secrets.token_urlsafe(50)
        file.write(key)
    return key


# ANNOTATOR_SECRET_KEY: signs sessions. Unset, a random one is made for this install; several machines must share one.
SECRET_KEY = os.environ.get("ANNOTATOR_SECRET_KEY") or _secret_key()
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("ANNOTATOR_SECRET_KEY is too short: use at least 32 random characters.")
# Nothing starts on a secret that everybody can read in .env.example.
for _name in ("ANNOTATOR_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "AWS_SECRET_ACCESS_KEY"):
    if "change-me" in os.environ.get(_name, ""):
        raise ImproperlyConfigured(f"{_name} still holds the placeholder 'change-me': put a random secret in its place.")

# ANNOTATOR_HOSTS: comma-separated names under which the site may be reached, besides this machine's own.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *_list("ANNOTATOR_HOSTS")]

# ANNOTATOR_ORIGINS: comma-separated origins (https://label.example.org) behind a proxy that ends TLS.
CSRF_TRUSTED_ORIGINS = _list("ANNOTATOR_ORIGINS")

# ANNOTATOR_HTTPS: set when a proxy in front serves HTTPS: cookies become secure-only and HSTS is sent.
HTTPS = _flag("ANNOTATOR_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS and DEBUG:
    raise ImproperlyConfigured("ANNOTATOR_DEBUG is on for a public site: its error pages show settings. Unset it.")
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ANNOTATOR_DEVICE_URL: where devices reach the workspace, like https://label.example.org:8443; set by 'up --devices'.
DEVICE_URL = os.environ.get("ANNOTATOR_DEVICE_URL", "").rstrip("/")
if DEVICE_URL:
    _device_address = urlsplit(DEVICE_URL)
    if _device_address.scheme not in {"https", "http"} or not _device_address.hostname or _device_address.path:
        raise ImproperlyConfigured(f"ANNOTATOR_DEVICE_URL is '{DEVICE_URL}': write it like https://label.example.org:8443.")
    ALLOWED_HOSTS.append(f"[{_device_address.hostname}]" if ":" in _device_address.hostname else _device_address.hostname)
# ANNOTATOR_DEVICE_PIN: only behind a proxy that ends TLS for devices: base64 of the SHA-256 of its public key.
DEVICE_PIN = os.environ.get("ANNOTATOR_DEVICE_PIN", "")
# ANNOTATOR_DEVICE_SECONDS: how often a device asks when it was not told to; thousands of devices may ask less often.
DEVICE_SECONDS = _number("ANNOTATOR_DEVICE_SECONDS", 20)
if not 1 <= DEVICE_SECONDS <= 3600:
    raise ImproperlyConfigured(f"ANNOTATOR_DEVICE_SECONDS is {DEVICE_SECONDS}: write a number from 1 to 3600.")

# --- Django ---------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "annotator.projects",
    "annotator.jobs",
    "annotator.images",
    "annotator.labelling",
    "annotator.learning",
    "annotator.delivery",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "annotator.api.security.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "annotator.config.urls"
WSGI_APPLICATION = "annotator.config.wsgi.application"
ASGI_APPLICATION = "annotator.config.asgi.application"
AUTH_USER_MODEL = "projects.User"
AUTHENTICATION_BACKENDS = ["annotator.projects.sessions.Backend"]
SESSION_ENGINE = "annotator.projects.sessions"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "/signin"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- database -------------------------------------------------------------------------------------------------

# DATABASE_URL: unset, SQLite in the data directory; postgres://user:password@host/name for several machines.
DATABASE_URL = os.environ.get("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'db.sqlite3'}"
DATABASES: dict[str, dict[str, Any]] = {"default": dict(dj_database_url.parse(DATABASE_URL))}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE takes the write lock when a transaction begins, so two writers queue up instead of failing half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728; "
            "PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;"
        ),
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# --- Redis and Celery -----------------------------------------------------------------------------------------

# REDIS_URL: unset, `annotator up` runs its own Redis on a unix socket in the data directory.
REDIS_URL = os.environ.get("REDIS_URL") or socket_url(DATA_DIR)
_broker = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_URL = _broker
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 30, "socket_connect_timeout": 2, "max_retries": 1}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "bulk"
CELERY_TASK_ROUTES = {
    "learning.learn": {"queue": "learn"},
    # Its answers need the arrays that only this worker has in memory.
    "learning.similar": {"queue": "learn"},
    "learning.twins": {"queue": "learn"},
    # Where nothing takes long, so that a long job does not keep the sweep waiting.
    "pipeline.sweep": {"queue": "learn"},
    "delivery.export": {"queue": "train"},
    "learning.finetune": {"queue": "train"},
}
# How often the sweep looks for work that a crash left lying, in seconds. The workers see to it (jobs.workers): there is
# no beat process to start once, and not twice, on many machines.
SWEEP_SECONDS = 10

# --- files ----------------------------------------------------------------------------------------------------

# ANNOTATOR_S3_BUCKET: keep images and bundles in this S3-compatible bucket instead of the data directory.
# ANNOTATOR_S3_ENDPOINT: the address of an S3-compatible server; unset, AWS.
# AWS_ACCESS_KEY_ID: the name of the key to that server.
# AWS_SECRET_ACCESS_KEY: the key itself.
S3_BUCKET = os.environ.get("ANNOTATOR_S3_BUCKET", "")
S3_ENDPOINT = os.environ.get("ANNOTATOR_S3_ENDPOINT", "")
if S3_BUCKET:
    from botocore.config import Config

    _media: dict[str, Any] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": S3_ENDPOINT or None,
            "default_acl": None,
            "client_config": Config(
                # A server of one's own rarely has a host name for each bucket, nor every checksum that AWS has.
                s3={"addressing_style": "path" if S3_ENDPOINT else "auto"},
                signature_version="s3v4",
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 4, "mode": "standard"},
            ),
        },
    }
else:
    _media = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "media"}}
STORAGES = {
    "default": _media,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
WEB_DIST = BASE_DIR / "web" / "dist"
STATICFILES_DIRS = [("app", WEB_DIST)] if WEB_DIST.is_dir() else []
# Files are served from where they lie, so there is no step that collects them.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Vite puts a hash of its content into each name.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/app/assets/"

# ANNOTATOR_MAX_PIXELS: an image with more pixels than this is refused (a decompression bomb).
MAX_PIXELS = _number("ANNOTATOR_MAX_PIXELS", 89_000_000)
# ANNOTATOR_MAX_FILE_MB: the largest single image file that is taken, in megabytes.
MAX_FILE_BYTES = _number("ANNOTATOR_MAX_FILE_MB", 100) * 1_000_000
# ANNOTATOR_MAX_ARCHIVE_GB: the largest zip that is taken, packed or unpacked, in gigabytes.
MAX_ARCHIVE_BYTES = _number("ANNOTATOR_MAX_ARCHIVE_GB", 50) * 1_000_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 20_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 500
FILE_UPLOAD_MAX_MEMORY_SIZE = 5_000_000

# --- the loop -------------------------------------------------------------------------------------------------

# ANNOTATOR_DEVICE: auto, cpu, cuda or xpu.
DEVICE = os.environ.get("ANNOTATOR_DEVICE", "auto")
# ANNOTATOR_LEASE_SECONDS: how long a task stays with a page that has gone silent.
LEASE_SECONDS = _number("ANNOTATOR_LEASE_SECONDS", 180)
# ANNOTATOR_QUEUE_SIZE: how many candidates one ranking writes.
QUEUE_SIZE = _number("ANNOTATOR_QUEUE_SIZE", 300)
# ANNOTATOR_TRAIN_THREADS: cores that fine-tuning may take; 0 for all but one, so that labelling has one to itself.
TRAIN_THREADS = _number("ANNOTATOR_TRAIN_THREADS", 0)

# ANNOTATOR_SKLEARN_INTELEX: let scikit-learn-intelex compute for scikit-learn where it is installed.
SKLEARN_INTELEX = _flag("ANNOTATOR_SKLEARN_INTELEX", True)

# --- what devices send back -----------------------------------------------------------------------------------

# ANNOTATOR_VITALS_DAYS: how long the minutes that devices tell, and the drift in them, are kept.
VITALS_DAYS = _number("ANNOTATOR_VITALS_DAYS", 30)
# ANNOTATOR_DRIFT_MINUTES: how long a time drift is measured over; there is a look at every quarter of it.
DRIFT_MINUTES = _number("ANNOTATOR_DRIFT_MINUTES", 60)
if VITALS_DAYS < 1 or DRIFT_MINUTES < 1:
    raise ImproperlyConfigured("ANNOTATOR_VITALS_DAYS and ANNOTATOR_DRIFT_MINUTES must be at least 1.")

# --- API ------------------------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotator.api.authentication.TokenAuthentication",
        "annotator.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["annotator.api.permissions.SignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotator.api.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Edge Annotator",
    "DESCRIPTION": "Everything that the pages do can be done here.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # Several nouns have a kind or a state; each gets a name of its own in the schema.
    "ENUM_NAME_OVERRIDES": {
        "JobKindEnum": "annotator.jobs.models.Job.Kind",
        "JobStateEnum": "annotator.jobs.models.Job.State",
        "ModelStateEnum": "annotator.learning.models.ModelVersion.State",
        "BundleStateEnum": "annotator.delivery.models.Bundle.State",
        "DeviceStateEnum": "annotator.delivery.models.Device.State",
        "DeploymentStateEnum": "annotator.delivery.models.Deployment.State",
        "DeliveryStateEnum": "annotator.delivery.models.Delivery.State",
        "AlertKindEnum": "annotator.delivery.models.Alert.Kind",
        "DevicePrivacyEnum": "annotator.delivery.models.Device.Privacy",
        "AnnotationKindEnum": "annotator.labelling.models.Annotation.Kind",
        "ImportStateEnum": "annotator.images.models.Import.State",
        "ImageStateEnum": ["unlabelled", "labelled", "skipped", "flagged"],
    },
}

# --- logs -----------------------------------------------------------------------------------------------------

# ANNOTATOR_LOG_LEVEL: DEBUG, INFO, WARNING or ERROR.
LOG_LEVEL = os.environ.get("ANNOTATOR_LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"annotator": {"level": LOG_LEVEL}, "mlcore": {"level": LOG_LEVEL}},
}
