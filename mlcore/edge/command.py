"""``edge-annotator``, the command of a device: enrol it, run its agent, ask how it is, go back, or use a bundle by hand.

The lines for whoever installs a device (EDGE_HOME or ``--home`` names its folder, ~/.edge-annotator-device otherwise):

    edge-annotator enrol --url https://HOST:PORT --code ABCD-EFGH --authority ca.pem --workspace-key workspace.pub [--name N]
    edge-annotator enrol --url http://127.0.0.1:8000 --code ABCD-EFGH          (this very machine: both come with the answer)
    edge-annotator agent [--port 8080 --watch FOLDER ...]                      (stays; a service restarts it on failure)
    edge-annotator status [--json]      edge-annotator rollback      edge-annotator verify FOLDER [--key workspace.pub]
    edge-annotator run --bundle FOLDER ...                                     (as run.py inside a bundle)

Without options the agent does what HOME/work.json says, an object of the same names ({"port": 8080, "watch": "/in"}), and
without that it answers over HTTP on port 8080 of this machine alone, or on another if that one is taken: ``status`` tells.

As a unit of systemd: ``ExecStart=VENV/bin/edge-annotator agent --home HOME``, ``Restart=always``, ``RestartSec=2``,
``TimeoutStopSec=20``. ``python -m mlcore.edge.command`` is the same command.

Exit codes: 0 done; 1 not so (the agent does not run, there is nothing to go back to); 2 it cannot be done, and a sentence
says why; 130 interrupted.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mlcore.edge import cli
from mlcore.edge.agent.changer import Choice
from mlcore.edge.agent.durable import read_json
from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.home import Home, HomeProblem
from mlcore.edge.agent.identity import IdentityProblem, read_workspace
from mlcore.edge.agent.link import LinkProblem
from mlcore.edge.agent.main import Agent, stop_on_signals
from mlcore.edge.agent.versions import StateProblem, Versions, read_state
from mlcore.edge.manifest import PRECISIONS, BundleProblem, Manifest
from mlcore.edge.options import OptionProblem, WorkOptions, add_arguments
from mlcore.edge.signature import prove

DONE, NOT_SO, CANNOT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (see the module)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        return cli.main(words[1:])
    options = _parser().parse_args(words)
    act: Callable[[argparse.Namespace], int] = options.act
    try:
        return act(options)
    except (HomeProblem, IdentityProblem, LinkProblem, StateProblem, OptionProblem, BundleProblem) as problem:
        print(f"edge-annotator: {problem}", file=sys.stderr)
    except OSError as problem:
        print(f"edge-annotator: {problem.filename or 'the disk'} cannot be used ({problem.strerror}).", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge-annotator", description="The runtime of a device.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, act: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        command.add_argument(
            "--home", type=Path, help="the device's folder (default: EDGE_HOME or ~/.edge-annotator-device)"
        )
        return command

    command = add("enrol", _enrol, "Enrol this device with a workspace by a one-time code.")
    command.add_argument("--url", required=True, help="the workspace's address for devices")
    command.add_argument("--code", required=True, help="the one-time code from the workspace's device page")
    command.add_argument("--name", default="", help="how the device is to be called (default: the machine's name)")
    command.add_argument("--authority", type=Path, metavar="PEM", help="the certificate authority to trust, and no other")
    command.add_argument("--workspace-key", type=Path, metavar="PEM", help="the key that signs bundles and orders")
    command.add_argument("--pin", default="", help="SHA-256 (base64) of the public key of a proxy before the workspace")
    command.add_argument("--again", action="store_true", help="replace an enrolment; what runs goes on")

    command = add("agent", _agent, "Serve what the workspace orders, and stay in touch with it.")
    command.add_argument("--precision", type=str.upper, choices=PRECISIONS, help="default: the one the bundle recommends")
    command.add_argument("--device", default="AUTO", help="OpenVINO device: AUTO, CPU, GPU, NPU (default %(default)s)")

    add_arguments(command)

    command = add("status", _status, "Tell how the device is.")
    command.add_argument("--json", action="store_true", help="as JSON")

    add("rollback", _rollback, "Go back to the version that ran before.")

    command = add("verify", _verify, "Check that every file of an unpacked bundle is as it was signed.")
    command.add_argument("bundle", type=Path, metavar="FOLDER")
    command.add_argument("--key", type=Path, metavar="PEM", help="whose signature it has to be (default: our workspace's)")

    commands.add_parser("run", help="Tell the class of pictures with a bundle, as its run.py does.", add_help=False)
    return parser


def _home(options: argparse.Namespace) -> Home:
    return Home(options.home.absolute()) if options.home else Home.usual()


def _enrol(options: argparse.Namespace) -> int:
    if options.url.startswith("https:") and not (options.authority and options.workspace_key):
        raise IdentityProblem("Give --authority and --workspace-key, as the line on the device page does.")
    home = _home(options)
    with home.locked():
        identity = enrol(
            home=home,
            url=options.url,
            code=options.code,
            name=options.name,
            authority=options.authority.read_text("ascii") if options.authority else "",
            workspace_key=options.workspace_key.read_text("ascii") if options.workspace_key else "",
            pin=options.pin,
            again=options.again,
        )
    print(f"Enrolled as {identity.workspace.name}; its agent starts with: edge-annotator agent --home {home.root}")
    return DONE


def _agent(options: argparse.Namespace) -> int:
    home = _home(options)
    with home.locked():
        asked = WorkOptions.from_arguments(options)
        choice = Choice(options.precision, options.device)
        agent = Agent(home, choice=choice, work=asked if asked != WorkOptions() else None)
        stop_on_signals(agent.stop)
        agent.serve_first()
        agent.run()
    return DONE


def _status(options: argparse.Namespace) -> int:
    home = _home(options)
    workspace = read_workspace(home)
    try:
        row = read_json(home.status)
    except ValueError:
        row = {}
    alive = _is_at_work(home)
    if options.json:
        print(
            json.dumps({"name": workspace.name, "url": workspace.url, "agent": alive, **row}, ensure_ascii=False, indent=1)
        )
        return DONE if alive else NOT_SO
    running = row.get("running")
    print(f"{workspace.name} at {workspace.url}: {row.get('state', 'enrolled')}", row.get("why") or "", sep="  ")
    print(
        f"serves: bundle {running['number']}, {running['precision']} on {running['device']}"
        if running
        else "serves: nothing"
    )
    if row.get("address") and alive:
        print(f"answers at: {row['address']}")
    link = row.get("workspace", {})
    heard = "revoked" if link.get("revoked") else "online" if link.get("online") else "offline"
    print(f"workspace: {heard}", link.get("why") or "", sep="  ")
    print("agent: at work" if alive else "agent: not running; start it with: edge-annotator agent")
    return DONE if alive else NOT_SO


def _is_at_work(home: Home) -> bool:
    try:
        with home.locked():
            return False
    except HomeProblem:
        return True


def _rollback(options: argparse.Namespace) -> int:
    home = _home(options)
    previous = read_state(home).previous
    if previous is None:
        print("edge-annotator: there is no version before to go back to.", file=sys.stderr)
        return NOT_SO
    try:
        with home.locked():
            Versions(home).went_back("Rolled back at the device.", outcome="undone")
    except HomeProblem:
        # The agent is at work: it does so itself, within a second.
        home.rollback_wish.touch()
    print(f"Going back to bundle {previous.number}.")
    return DONE


def _verify(options: argparse.Namespace) -> int:
    home = _home(options)
    if options.key:
        key: str | None = options.key.read_text("ascii")
    else:
        key = read_workspace(home).workspace_key if home.workspace.exists() else None
    manifest = Manifest.read(options.bundle)
    print(prove(manifest, manifest.choose(None), key))
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
