#!/usr/bin/env python3
"""Checks that the OpenAPI schema is sound and that the front end's types were made from it.

    python scripts/check_schema.py            fails on a warning, or when frontend/src/api/schema.d.ts is out of date
    python scripts/check_schema.py --write    makes that file anew
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import build_frontend

TYPES = build_frontend.FRONTEND / "src" / "api" / "schema.d.ts"


def make_types(target: Path) -> None:
    """The TypeScript types of the API as it is. Raises subprocess.CalledProcessError when the schema has a warning."""
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder) / "schema.yaml"
        words = ["manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", str(schema)]
        environment = {**os.environ, "ANNOTATOR_DATA": folder}
        subprocess.run([sys.executable, *words], cwd=build_frontend.ROOT, env=environment, check=True)
        build_frontend.install_packages()
        build_frontend.npm("exec", "--", "openapi-typescript", str(schema), "--output", str(target))


def main() -> int:
    if "--write" in sys.argv[1:]:
        make_types(TYPES)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "schema.d.ts"
        make_types(fresh)
        if not TYPES.is_file() or TYPES.read_text() != fresh.read_text():
            print(f"{TYPES.relative_to(build_frontend.ROOT)} is not what the API says now: run 'make schema' and commit it.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
