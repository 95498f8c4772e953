"""A script that talks to a running installation as any script would: over HTTP, with a token."""

from __future__ import annotations

import http.cookiejar
import json
import uuid
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.installation import Installation


class Script:
    """Signs in with the one-time link, makes a token, and uses that from then on."""

    def __init__(self, site: Installation) -> None:
        self.site = site
        cookies = http.cookiejar.CookieJar()
        browser = build_opener(HTTPCookieProcessor(cookies))
        browser.open(f"{site.address}/api/auth/csrf")
        for path, body in (
            ("auth/link", {"token": site.token}),
            ("tokens", {"name": "test", "scopes": ["read", "label", "manage"], "expires_days": 1}),
        ):
            crumb = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
            headers = {"Content-Type": "application/json", "X-CSRFToken": crumb or "", "Referer": site.address}
            request = Request(f"{site.address}/api/{path}", json.dumps(body).encode(), headers)
            with browser.open(request, timeout=60) as answer:
                text = answer.read()
        self.headers = {"Authorization": f"Bearer {json.loads(text)['token']}"}
        self.opener = build_opener()

    def get(self, path: str) -> Any:
        """The JSON behind an address of the API."""
        with self.opener.open(Request(f"{self.site.address}/api/{path}", headers=self.headers), timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any = None) -> Any:
        """What the API answers to JSON."""
        headers = {**self.headers, "Content-Type": "application/json"}
        request = Request(f"{self.site.address}/api/{path}", json.dumps(body or {}).encode(), headers, method="POST")
        with self.opener.open(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def upload(self, project: int, batch: int, paths: list[Path]) -> Any:
        """Send files as a browser's form does."""
        boundary = uuid.uuid4().hex
        parts = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n".encode() + path.read_bytes() + b"\r\n"
            for path in paths
        )
        headers = {**self.headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        address = f"{self.site.address}/api/projects/{project}/imports/{batch}/files"
        request = Request(address, parts + f"--{boundary}--\r\n".encode(), headers)
        with self.opener.open(request, timeout=120) as answer:
            return json.load(answer)

    def label(self, project: int, image: int, label: int) -> Any:
        """Say what an image shows."""
        body = {"id": str(uuid.uuid4()), "image": image, "kind": "label", "label": label, "client": "script"}
        return self.post(f"projects/{project}/annotations", body)
