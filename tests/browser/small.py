"""A small project on a running site, for tests of single pages."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.installation import Installation
from tests.person import Person


@dataclass
class Small:
    """The project, and its owner, who is signed in over HTTP."""

    site: Installation
    owner: Person
    project: int
    classes: list[str]

    @property
    def address(self) -> str:
        """Without a slash at its end."""
        return self.site.address

    def sign_in(self, context: BrowserContext) -> None:
        """Give a browser the owner's session."""
        cookies = [{"name": one.name, "value": one.value or "", "url": self.address} for one in self.owner.cookies]
        context.add_cookies(cookies)  # type: ignore[arg-type]

    def labelled(self) -> int:
        """Images that carry a label, as the server counts them."""
        return int(self.owner.get(f"projects/{self.project}")[1]["progress"]["labelled"])

    def standing(self, image: str) -> str | None:
        """The name of the class that an image carries now."""
        label = self.owner.get(f"projects/{self.project}/images/{image}")[1]["label"]
        return None if label is None else str(label["name"])


def owner_of(site: Installation) -> Person:
    """Whoever the printed link signs in, signed in."""
    found = re.search(r"token=(\S+)", site.run("login-link").stdout)
    assert found is not None
    owner = Person(site.address)
    assert owner.sign_in(found[1])[0] == 200
    return owner


def make_small(site: Installation, owner: Person, photos: Path, place: Path, *, images: int) -> Small:
    """So many of the photos, of all classes in turn, in a new project; its classes have the keys 1, 2, ..."""
    folders = [sorted(folder.iterdir()) for folder in sorted(photos.iterdir()) if folder.is_dir()]
    mixed = [path for row in zip_longest(*folders) for path in row if path is not None]
    place.mkdir()
    for number, path in enumerate(mixed[:images]):
        shutil.copy(path, place / f"{number:03d}{path.suffix}")
    classes = ["first", "second", "third"]
    project = owner.post("projects", {"name": "Small", "classes": [{"name": name} for name in classes]})[1]["id"]
    done = site.run("import", str(project), str(place))
    assert done.returncode == 0, done.stdout + done.stderr
    return Small(site, owner, int(project), classes)

