"""A device on this very machine, installed as its owner would do it: by the pasted line, into an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from tests.servers import free_port

# What the page says of a training machine, and what must not be on a device.
ABSENT = ("torch", "torchvision", "django", "celery", "redis", "sklearn", "scipy", "nncf", "annotator", "mlcore.heads")
PROBE = f"""
import importlib.util as found, json
def there(name):
    try:
        return found.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(json.dumps([name for name in {ABSENT!r} if there(name)]))
"""
PAUSE = 1.0


class EdgeDevice:
    """Its folder, its agent, and somebody who asks it all the time: `failures` are questions that were not answered."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        self.port = free_port()
        self.answered = 0
        self.failures: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()

    @property
    def python(self) -> Path:
        """Of its own environment."""
        return self.home / "venv" / "bin" / "python"

    def paste(self, line: str) -> str:
        """Run the line as a person would in a terminal; answers what it said. The agent is started by `start`."""
        environment = {name: os.environ[name] for name in os.environ if name.startswith(("PATH", "PIP_", "SSL_", "HOME"))}
        done = subprocess.run(
            ["sh", "-c", f"{line} --no-start"], env={**environment, "EDGE_HOME": str(self.home)}, capture_output=True,
            text=True, check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def borrow_environment(self, other: EdgeDevice) -> None:
        """An environment of its own without another download: the same files, linked; scripts that name its own Python."""
        mine, theirs = self.home / "venv", other.home / "venv"
        self.home.mkdir()
        shutil.copytree(theirs, mine, symlinks=True, copy_function=os.link)
        for script in (mine / "bin").iterdir():
            if not script.is_symlink() and str(theirs).encode() in (text := script.read_bytes()):
                script.unlink()
                script.write_bytes(text.replace(str(theirs).encode(), str(mine).encode()))
                script.chmod(0o755)

    def start(self) -> None:
        """Start its agent, which answers on a port of its own."""
        words = [self.home / "venv" / "bin" / "edge-annotator", "agent", "--home", self.home, "--port", str(self.port)]
        log = (self.home / "agent.log").open("ab")
        environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen([*words, "--no-stdout"], env=environment, cwd="/", stdout=log, stderr=log)

    def stop(self) -> None:
        """End the agent and the asking."""
        self._over.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def imports_of_a_server(self) -> list[str]:
        """What is installed there and must not be."""
        said = subprocess.run([self.python, "-c", PROBE], env={}, cwd="/", capture_output=True, text=True, check=True).stdout
        return list(json.loads(said))

    def megabytes_on_disk(self) -> float:
        """Of the packages in its environment, the installer left out."""
        packages = next((self.home / "venv" / "lib").iterdir()) / "site-packages"
        counted = (one for one in packages.iterdir() if not one.name.startswith(("pip", "setuptools")))
        files = (file for one in counted for file in ([one] if one.is_file() else one.rglob("*")) if file.is_file())
        return round(sum(file.stat().st_size for file in files) / 2**20, 1)

    def megabytes_of_memory(self) -> float:
        """Of its agent, as the kernel counts what is its own and its share of what others map too (PSS)."""
        assert self._process is not None
        agent = psutil.Process(self._process.pid)
        assert str(self.home) in agent.cmdline()[0]
        return round(agent.memory_full_info().pss / 2**20, 1)

    def answer(self, picture: bytes) -> dict[str, Any]:
        """What it says of a picture, over HTTP."""
        request = Request(f"http://127.0.0.1:{self.port}/predict", data=picture, method="POST")
        with urlopen(request, timeout=60) as answer:
            said: dict[str, Any] = json.load(answer)
        return said

    def be_asked(self, pictures: Sequence[bytes]) -> None:
        """From now on somebody asks it, one question after the other."""

        def ask() -> None:
            number = 0
            while not self._over.wait(PAUSE):
                number += 1
                try:
                    self.answer(pictures[number % len(pictures)])
                    self.answered += 1
                except (OSError, ValueError) as problem:
                    self.failures.append(repr(problem))

        threading.Thread(target=ask, daemon=True).start()
