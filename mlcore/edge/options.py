"""What a device is told to do: where pictures come from, and where answers go."""

import argparse
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mlcore.edge.folder import AFTERWARDS, KEEP
from mlcore.edge.serve import MAX_BODY


class OptionProblem(Exception):
    """An option makes no sense; the message is a sentence that names it and the mend."""


@dataclass(frozen=True)
class WorkOptions:
    """Where pictures come from, where answers go, and how.

    Sources: ``images`` (files, folders, patterns, once), ``watch`` (a folder), ``camera``, ``video`` (a file), ``port``.
    ``camera`` is a number, a device file or an address, and ends after ``frames``; ``every``: of a camera's or film's frames
    every so many-th; ``afterwards``: what becomes of an answered file of the watched folder.
    Sinks: ``stdout`` (None: where there is no other), ``out`` (a file of lines, begun anew at ``out_mb``), ``webhook`` and
    ``mqtt`` (addresses; ``plain`` allows them to be unencrypted). ``top`` classes go into each line. ``page`` shows the live
    picture on the HTTP port (None: where only this machine can see it).
    """

    images: tuple[str, ...] = ()
    watch: str | None = None
    afterwards: str = KEEP
    camera: str | None = None
    video: str | None = None
    every: int = 1
    frames: int | None = None
    port: int | None = None
    host: str = "127.0.0.1"
    max_bytes: int = MAX_BODY
    page: bool | None = None
    stdout: bool | None = None
    out: str | None = None
    out_mb: int = 64
    webhook: str | None = None
    mqtt: str | None = None
    plain: bool = False
    top: int = 3

    def __post_init__(self) -> None:
        """Raise OptionProblem for what cannot be meant."""
        for name in ("every", "frames", "top", "out_mb", "max_bytes"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise OptionProblem(f"{name} is {getattr(self, name)}; give a number from 1.")
        if self.afterwards not in AFTERWARDS:
            raise OptionProblem(f"afterwards is {self.afterwards!r}; choose one of {', '.join(AFTERWARDS)}.")

    @property
    def has_source(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.images) or any(one is not None for one in (self.watch, self.camera, self.video, self.port))

    @property
    def has_sink(self) -> bool:
        """Whether answers go anywhere but to standard output."""
        return any(one is not None for one in (self.out, self.webhook, self.mqtt))

    @property
    def prints(self) -> bool:
        """Whether answers go to standard output."""
        return not self.has_sink if self.stdout is None else self.stdout

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "WorkOptions":
        """From JSON. Raises OptionProblem for a key that is not known or a value of another type."""
        kinds = typing.get_type_hints(cls)
        for name, value in data.items():
            if name not in kinds:
                raise OptionProblem(f"There is no option {name!r}; choose among {', '.join(sorted(kinds))}.")
            if name == "images" and isinstance(value, list) and all(isinstance(one, str) for one in value):
                continue
            allowed = typing.get_args(kinds[name]) if isinstance(kinds[name], types.UnionType) else (kinds[name],)
            if type(value) not in allowed:
                wanted = " or ".join(kind.__name__ for kind in allowed if kind is not type(None))
                raise OptionProblem(f"The option {name} is {value!r}; give {wanted}.")
        return cls(**{**data, "images": tuple(data.get("images", ()))})

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> "WorkOptions":
        """From what a parser with ``add_arguments`` read. Raises OptionProblem."""
        given = vars(arguments)
        chosen = {field.name: given[field.name] for field in fields(cls) if field.name in given}
        return cls(**{**chosen, "images": tuple(chosen.get("images", ()))})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that WorkOptions has."""
    usual = WorkOptions()
    sources = parser.add_argument_group("where pictures come from")
    sources.add_argument(
        "--watch", metavar="FOLDER", help="answer for each picture that is put into this folder, or below it"
    )
    sources.add_argument(
        "--afterwards",
        choices=AFTERWARDS,
        default=usual.afterwards,
        help="with --watch: keep an answered picture where it is, or move it into answered/ (default %(default)s)",
    )
    sources.add_argument("--camera", metavar="N", help="a camera's number, device file or rtsp:// address (needs OpenCV)")
    sources.add_argument("--frames", type=int, metavar="N", help="stop after N frames of the camera (default: never)")
    sources.add_argument("--video", metavar="FILE", help="answer for each frame of a film (needs OpenCV)")
    sources.add_argument(
        "--every", type=int, default=usual.every, metavar="N", help="of camera and film take each N-th frame only"
    )
    sources.add_argument("--port", type=int, metavar="N", help="answer over HTTP on this port; 0 takes a free one")
    sources.add_argument(
        "--host", default=usual.host, help="with HTTP; 0.0.0.0 opens it to the network (default %(default)s)"
    )
    sources.add_argument(
        "--max-bytes", type=int, default=usual.max_bytes, help="with HTTP: largest upload (default %(default)s)"
    )
    sources.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        default=usual.page,
        help="with HTTP: show the live picture at / (default: where only this machine can see it)",
    )
    sinks = parser.add_argument_group("where answers go")
    sinks.add_argument(
        "--stdout",
        action=argparse.BooleanOptionalAction,
        default=usual.stdout,
        help="print a line of JSON for each answer (default: where they go nowhere else; an agent: no)",
    )
    sinks.add_argument("--out", metavar="FILE", help="append a line of JSON for each answer")
    sinks.add_argument(
        "--out-mb", type=int, default=usual.out_mb, metavar="N", help="then begin the file anew (default %(default)s)"
    )
    sinks.add_argument("--webhook", metavar="URL", help="POST the answers to this address")
    sinks.add_argument("--mqtt", metavar="URL", help="publish them: mqtts://host/topic (needs paho-mqtt)")
    sinks.add_argument("--plain", action="store_true", help="allow --webhook and --mqtt to be unencrypted")
    sinks.add_argument(
        "--top", type=int, default=usual.top, metavar="K", help="classes in each answer (default %(default)s)"
    )
