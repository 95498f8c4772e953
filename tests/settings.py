"""The application's settings, over a data directory that goes away with the test run."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="annotator-test-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["ANNOTATOR_DATA"] = _data
for _name in (
    "DATABASE_URL", "REDIS_URL", "ANNOTATOR_S3_BUCKET", "ANNOTATOR_S3_ENDPOINT", "ANNOTATOR_HTTPS", "ANNOTATOR_DEVICE_URL",
):
    os.environ.pop(_name, None)
# The same tests over another database: see tests/labelling/test_on_postgresql.py.
if _database := os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = _database
# Playwright keeps an event loop in the thread of the tests that drive a browser.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from annotator.config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# It lists every static file whenever a client of Django's is made; pages with files are tested in whole installations.
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("whitenoise.")]  # noqa: F405
