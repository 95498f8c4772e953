"""How a device comes to belong to a workspace: a code that works once, for a certificate of its own key."""

import platform
from typing import Any

from mlcore.edge.agent.health import describe_machine
from mlcore.edge.agent.home import Home
from mlcore.edge.agent.identity import (
    Identity,
    IdentityProblem,
    Workspace,
    keep_identity,
    make_key,
    public_pem,
    unenrolled,
)
from mlcore.edge.agent.link import Link
from mlcore.edge.agent.versions import Versions

PATH = "/api/edge/enrol"


def enrol(
    *,
    home: Home,
    url: str,
    code: str,
    name: str = "",
    authority: str,
    workspace_key: str,
    pin: str = "",
    again: bool = False,
) -> Identity:
    """Make a key, show that it is ours, and keep what the workspace gives for it.

    ``authority`` and ``workspace_key`` are what the line that was pasted brought (PEM); over plain HTTP to this very machine
    they may be empty, and are taken from the answer. ``again`` replaces an enrolment.
    Raises IdentityProblem, LinkProblem, HomeProblem, StateProblem, OSError.
    """
    home.make()
    if home.workspace.exists() and not again:
        held = Identity.read(home).workspace
        raise IdentityProblem(
            f"This device is enrolled already, as {held.name} at {held.url}; give --again to enrol it anew."
        )
    key = make_key(home.key)
    asking = Workspace(url=url, device="", name="", authority=authority, workspace_key=workspace_key, pin=pin)
    answer = Link(unenrolled(key, asking)).ask(
        "POST",
        PATH,
        {
            "code": code.strip().upper(),
            "public_key": public_pem(key),
            "name": name or platform.node(),
            "info": describe_machine(),
        },
    )
    given = {field: _text(answer, field) for field in ("device", "name", "certificate", "authority", "workspace_key")}
    for field, ours in (("authority", authority), ("workspace_key", workspace_key)):
        if ours and given[field].split() != ours.split():
            raise IdentityProblem(f"The {field} in the workspace's answer is not the one in the line that was pasted; stop.")
    workspace = Workspace(
        url=url,
        device=given["device"],
        name=given["name"],
        authority=given["authority"],
        workspace_key=given["workspace_key"],
        pin=pin,
    )
    identity = keep_identity(home=home, key=key, certificate=given["certificate"], workspace=workspace)
    Versions(home).forget_orders()
    return identity


def _text(answer: dict[str, Any], field: str) -> str:
    value = answer.get(field)
    if not isinstance(value, str) or not value:
        raise IdentityProblem(f"The workspace's answer has no {field}; update the workspace or this runtime.")
    return value
