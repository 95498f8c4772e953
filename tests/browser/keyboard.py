"""What a person without a mouse does: reach a control, press a key."""

from __future__ import annotations

from playwright.sync_api import Page


def press(page: Page, role: str, name: str, key: str = "Enter") -> None:
    """Reach a control, as Tab would, and press a key on it."""
    control = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    control.focus()
    control.press(key)
