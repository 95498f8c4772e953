"""A person at a running site, over real HTTP, with cookies and CSRF as a browser has them."""

from __future__ import annotations

import json
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener


class Person:
    """`get`, `post`, `patch` and `delete` answer (status, JSON); a refusal is an answer too."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = CookieJar()
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.cookies))

    def sign_in(self, token: str) -> tuple[int, Any]:
        """With the token of a one-time link."""
        self.get("auth/csrf")
        return self.post("auth/link", {"token": token})

    def get(self, path: str) -> tuple[int, Any]:
        """GET /api/<path>."""
        return self._ask(Request(f"{self.address}/api/{path}"))

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """POST /api/<path> with a JSON body."""
        return self._write("POST", path, body)

    def patch(self, path: str, body: Any) -> tuple[int, Any]:
        """PATCH /api/<path> with a JSON body."""
        return self._write("PATCH", path, body)

    def delete(self, path: str) -> tuple[int, Any]:
        """DELETE /api/<path>."""
        return self._write("DELETE", path, None)

    def _write(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")
        headers = {"Content-Type": "application/json", "X-CSRFToken": token or "", "Referer": self.address}
        data = json.dumps(body or {}).encode()
        return self._ask(Request(f"{self.address}/api/{path}", data=data, headers=headers, method=method))

    def _ask(self, request: Request) -> tuple[int, Any]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text else None
