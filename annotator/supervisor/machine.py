"""Everything on one machine: an embedded Redis, the database, the web process and the workers, in the order they need."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

from annotator import __version__
from annotator.config.redis_socket import socket_path, socket_url
from annotator.supervisor import embedded_redis
from annotator.supervisor.child import Child, python_argv
from annotator.supervisor.data_dir import lock_data_dir, prepare_data_dir, write_address
from annotator.supervisor.listen import EVERYWHERE, address, address_for_others, host_and_port, listen, own_names
from annotator.supervisor.log_file import LogFile
from annotator.supervisor.refusal import Refusal
from annotator.supervisor.supervise import Stopped, Supervisor

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
READY = "ready"
# Longest waits before something is called broken, in seconds; each is some twenty times what a slow machine takes.
REDIS_READY, DATABASE_READY, WEB_READY = 60.0, 600.0, 120.0


def run_machine(
    *, host: str, port: int, data: Path, browser: bool, verbose: bool, devices: str | None = None
) -> None:
    """Start everything, print the one address, and stay until someone asks to end. `devices` is [HOST:]PORT for them.

    Raises Refusal, with one sentence, when it cannot start.
    """
    data = prepare_data_dir(data)
    lock = lock_data_dir(data)
    listening = listen(host, port)
    device_host, for_devices = _listen_for_devices(devices)
    device_url = ""
    if for_devices is not None:
        device_url = os.environ.get("ANNOTATOR_DEVICE_URL") or address_for_others(device_host, for_devices)
    site = address(host, listening)
    write_address(lock, site, device_url)
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    environment = child_environment(data, host)
    if device_url:
        environment |= device_environment(environment, device_host, device_url)

    def child(name: str, *words: str, log: bool = True, pass_fds: tuple[int, ...] = ()) -> Child:
        file = LogFile(logs / f"{name}.log") if log else None
        return Child(name=name, argv=python_argv(*words), log=file, env=environment, pass_fds=pass_fds)

    with lock, listening, for_devices or contextlib.nullcontext(), Supervisor(say=_say, verbose=verbose) as supervisor:
        _say(f"Edge Annotator {__version__} is starting. Your data: {data}")
        try:
            if not os.environ.get("REDIS_URL"):
                _start_redis(supervisor, data, LogFile(logs / "redis.log"))
            gate, opener = os.pipe()
            fds: tuple[int, ...] = (listening.fileno(), gate)
            words = ["web", "--fd", str(fds[0]), "--gate", str(gate)]
            if for_devices is not None:
                fds += (for_devices.fileno(),)
                words += ["--tls-fd", str(fds[-1]), "--tls-host", device_host]
            web = child("web", *words, pass_fds=fds)
            supervisor.start(web)
            link = _open_database(supervisor, child("database", "login-link", "--address", site, log=False))
            os.close(opener)
            _await(supervisor, web, lambda: READY in web.last_lines, seconds=WEB_READY)
            _welcome(link, host, device_url, open_browser=browser and _has_screen())
            for worker in (child("learn", "worker", "learn"), child("bulk", "worker", "bulk,train", "--processes", "2")):
                supervisor.start(worker)
                worker.watched = True
        except Stopped:
            _say("Stopping.")
            return
        supervisor.run()
        _say("Stopping: work in hand is finished or put back in the queue.")


def child_environment(data: Path, host: str) -> dict[str, str]:
    """What the processes are told by environment variables; the rest they inherit."""
    names = [] if host in LOOPBACK else own_names(host)
    given = os.environ.get("ANNOTATOR_HOSTS", "")
    root = Path(__file__).resolve().parents[2]
    return {
        "ANNOTATOR_DATA": str(data),
        "ANNOTATOR_HOSTS": ",".join([*filter(None, [given]), *names]),
        "REDIS_URL": os.environ.get("REDIS_URL") or socket_url(data),
        "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        # glibc otherwise keeps up to eight heaps a core, which doubles the memory of a process with many threads.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
    }


def device_environment(environment: Mapping[str, str], host: str, url: str) -> dict[str, str]:
    """What the processes are told where a listener for devices is open."""
    names = [] if host in LOOPBACK else own_names(host)
    given = environment.get("ANNOTATOR_HOSTS", "").split(",")
    hosts = dict.fromkeys(name for name in [*given, *names] if name)
    return {"ANNOTATOR_DEVICE_URL": url, "ANNOTATOR_HOSTS": ",".join(hosts)}


def _listen_for_devices(wanted: str | None) -> tuple[str, socket.socket | None]:
    if wanted is None:
        return "", None
    host, port = host_and_port(wanted, "--devices")
    return host, listen(host, port, host_option="--devices", port_option="--devices")


def _start_redis(supervisor: Supervisor, data: Path, log: LogFile) -> None:
    path = socket_path(data)
    embedded_redis.end_orphan(path)
    redis = embedded_redis.embedded_redis(data, path, log)
    try:
        _start(supervisor, redis, lambda: embedded_redis.answers(path), seconds=REDIS_READY)
    except Refusal:
        aside = embedded_redis.put_broken_file_aside(data, redis)
        if aside is None:
            raise
        _say(f"Redis could not read its queue file, which is now {aside}; it starts empty, and no label is lost.")
        supervisor.children.remove(redis)
        _start(supervisor, redis, lambda: embedded_redis.answers(path), seconds=REDIS_READY)


def _start(supervisor: Supervisor, child: Child, ready: Callable[[], bool], *, seconds: float) -> None:
    """Start a process that the rest needs, and watch it from when it is ready."""
    supervisor.start(child)
    _await(supervisor, child, ready, seconds=seconds)


def _await(supervisor: Supervisor, child: Child, ready: Callable[[], bool], *, seconds: float) -> None:
    if not supervisor.until(lambda: not child.running or ready(), seconds=seconds) or not child.running:
        words = "\n  ".join(child.last_lines) or "(it said nothing)"
        state = "did not get ready" if child.running else f"ended while starting ({child.how_it_ended()})"
        raise Refusal(f"The {child.name} process {state}. Its last words:\n  {words}")
    child.watched = True


def _open_database(supervisor: Supervisor, opening: Child) -> str:
    """Migrate where needed; returns the sign-in link, which is the last thing that the process says."""
    supervisor.start(opening)
    ended = supervisor.until(lambda: not opening.running and opening.drained, seconds=DATABASE_READY)
    supervisor.children.remove(opening)
    if ended and opening.exit_code == 0:
        return opening.last_lines[-1]
    if ended and opening.exit_code == 2:
        raise Refusal(opening.last_lines[-1].removeprefix("annotator: "))
    raise Refusal("The database could not be opened. Last words:\n  " + "\n  ".join(opening.last_lines))


def _welcome(link: str, host: str, device_url: str, *, open_browser: bool) -> None:
    _say(f"Open this address; it signs you in, once ('annotator login-link' makes another):\n\n    {link}\n")
    if device_url:
        _say(f"Devices reach it at {device_url}, and nothing else is there.")
    if host in EVERYWHERE:
        _say("It listens on every address of this machine: put a proxy with HTTPS in front on any network you do not trust.")
    _say("Ctrl-C stops everything.")
    if open_browser:
        webbrowser.open(link)


def _has_screen() -> bool:
    screen = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return screen and sys.stdout.isatty()


def _say(sentence: str) -> None:
    # Whoever was listening may have gone (`annotator up | head`); that is no reason to stop.
    with contextlib.suppress(BrokenPipeError):
        print(sentence, flush=True)
