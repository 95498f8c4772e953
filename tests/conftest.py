"""What tests share: photos, a browser, real services, and whole installations that run beside the test."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.photos import real_photos, write_digits
from tests.prepared import furnish
from tests.servers import PostgresServer, RedisServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# A shell that runs this in the background has it ignore Ctrl-C, and every process that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """Say which photos and which browser this run uses."""
    photos = real_photos() or "scikit-learn's digits (set ANNOTATOR_TEST_DATA to a folder of classes for real photos)"
    return [f"photos: {photos}", f"browser: {_find_browser() or 'none: tests that drive one are skipped'}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, from a folder to the edge: they mostly wait, and the quick ones fill the time beside them."""

    def place(item: pytest.Item) -> tuple[bool, bool]:
        browser, slow = "browser" in item.keywords, "slow" in item.keywords
        return not (browser and slow), not (browser or slow)

    items.sort(key=place)
    if "TEST_DATABASE_URL" in os.environ:
        # The second run, on another database: what asks none is the same as in the first.
        items[:] = [item for item in items if _asks_a_database(item)]


def _asks_a_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & {"db", "transactional_db"}) or item.get_closest_marker("django_db") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured and noted with `record_property`: reported, never asserted."""
    for report in terminalreporter.stats.get("passed", []):
        if report.when == "call" and report.user_properties:
            noted = ", ".join(f"{name} {value}" for name, value in report.user_properties)
            terminalreporter.write_line(f"measured by {report.nodeid}: {noted}")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one folder of photos for each class. Read-only: copy what you change."""
    return real_photos() or write_digits(tmp_path_factory.mktemp("photos") / "digits")


@pytest.fixture
def some_photos(photos: Path, tmp_path: Path) -> Path:
    """Twelve of them, half of one class and half of another, in a folder of the test's own."""
    for folder in sorted(path for path in photos.iterdir() if path.is_dir())[:2]:
        (tmp_path / "some" / folder.name).mkdir(parents=True)
        for photo in sorted(folder.iterdir())[:6]:
            shutil.copy(photo, tmp_path / "some" / folder.name)
    return tmp_path / "some"


@pytest.fixture(scope="session")
def trashnet(photos: Path) -> Path:
    """The photos, by the name of what they usually are."""
    return photos


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. Without one the test is skipped; on CI it fails, so that nothing is skipped unseen."""
    found = _find_browser()
    if found is None:
        sentence = "No Chromium was found: install the package 'chromium', or set CHROMIUM to its path."
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis, shared by the run: use keys of your own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis of the test's own, to stop and start."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL, shared by the run; `new_database()` gives the URL of an empty one in it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of an empty PostgreSQL database, as DATABASE_URL takes it."""
    return postgres_server.new_database()


@pytest.fixture
def installation(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Installation]]:
    """Makes whole installations, `annotator up` and all; those still running are ended after the test.

    They begin with nothing, or, where `prepared` is asked for, with what a first start would have made.
    """
    made: list[Installation] = []

    def make(data: Path | None = None, *, prepared: bool = False, **environment: str) -> Installation:
        folder = data or tmp_path / f"data{len(made)}"
        made.append(Installation(furnish(folder, tmp_path_factory) if prepared else folder, environment))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def _find_browser() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)
