"""The KServe v2 protocol over REST (Open Inference Protocol), so that public clients can ask a bundle like any server.

Health, metadata of server and model, versions, and inference with JSON or with the binary tensor extension
(https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol). The input ``image`` takes
pixels (UINT8, n x size x size x 3, RGB) or whole picture files (BYTES, n); the outputs are those of the model.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.edge.engine import ov
from mlcore.edge.in_order import in_order
from mlcore.edge.kserve_request import (
    HEADER_LENGTH,
    INPUT,
    OUTPUTS,
    Headers,
    Refused,
    bad,
    read_pictures,
    read_wanted,
    split,
)
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import Answer, InferenceFailed, Model, Picture
from mlcore.edge.station import NoModel

Reply = tuple[HTTPStatus, dict[str, str], bytes]

# Answers for one picture; the flag says that others are asked for beside it.
Answering = Callable[[Picture, bool], Answer]

_MODEL = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<what>ready|infer))?")
_FIXED = {"/v2", "/v2/health/live", "/v2/health/ready"}


def handle(
    method: str,
    path: str,
    headers: Headers,
    body: bytes,
    model_provider: Callable[[], Model],
    answering: Answering | None = None,
) -> Reply | None:
    """Answer one request: status, headers, body. None when ``path`` (without query) is none of this protocol's.

    ``headers`` are looked up by their usual spelling, as email.message.Message does without regard to case;
    ``model_provider`` gives the model that serves now, or raises NoModel; ``answering`` asks it in another way than
    directly, so that somebody may look on.
    """
    path = path.rstrip("/")
    found = _MODEL.fullmatch(path)
    if path not in _FIXED and found is None:
        if path.startswith("/v2/"):
            return _json(HTTPStatus.NOT_FOUND, {"error": "There is no such path; GET /v2 and GET /v2/models/<name> tell."})
        return None
    allowed = "POST" if found and found["what"] == "infer" else "GET"
    if method != allowed:
        status, sent, told = _json(HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"Use {allowed} for {path}."})
        return status, {**sent, "Allow": allowed}, told
    try:
        if found is None:
            return _of_server(path, model_provider)
        model = model_provider()
        _check_name(model, found["name"], found["version"])
        if found["what"] == "infer":
            return _infer(model, headers, body, answering or (lambda picture, many: model.answer(picture, many=many)))
        if found["what"] == "ready":
            return _json(HTTPStatus.OK, {"name": served_name(model.metadata.get("lineage", {})), "ready": True})
        return _json(HTTPStatus.OK, _metadata(model))
    except NoModel as problem:
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(problem)})
    except InferenceFailed as problem:
        return _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(problem)})
    except Refused as problem:
        return _json(problem.status, {"error": problem.message})


def served_name(lineage: Mapping[str, Any]) -> str:
    """What a model is called to servers: letters and digits of its project's name, ``model`` where there are none."""
    project = lineage.get("project")
    name = project.get("name", "") if isinstance(project, Mapping) else project or ""
    plain = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "model"


def version_of(model: Model) -> str:
    """The number of the bundle, as the protocol's versions are written."""
    return str(model.number or 1)


def _of_server(path: str, model_provider: Callable[[], Model]) -> Reply:
    if path == "/v2/health/live":
        return _json(HTTPStatus.OK, {"live": True})
    if path == "/v2/health/ready":
        model_provider()
        return _json(HTTPStatus.OK, {"ready": True})
    return _json(HTTPStatus.OK, {"name": "edge-annotator", "version": "2", "extensions": ["binary_tensor_data"]})


def _check_name(model: Model, name: str, version: str | None) -> None:
    known = served_name(model.metadata.get("lineage", {}))
    if name != known:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no model {name!r} here; ask for {known}.")
    if version is not None and version != version_of(model):
        raise Refused(
            HTTPStatus.NOT_FOUND, f"There is no version {version!r} of {known} here; version {version_of(model)} serves."
        )


def _metadata(model: Model) -> dict[str, Any]:
    size = model.manifest.input_size
    info, widths = _described(model.manifest.root / model.manifest.models[model.precision])
    return {
        "name": served_name(model.metadata.get("lineage", {})),
        "versions": [version_of(model)],
        "platform": "OpenVINO",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, size, size, 3]}],
        "outputs": [
            {"name": name, "datatype": "FP32", "shape": [-1, width]} for name, width in zip(OUTPUTS, widths, strict=True)
        ],
        # Not of the protocol: where Intel's Model API looks for what kind of model this is and what its classes are called.
        "rt_info": {"model_info": info},
    }


@lru_cache(maxsize=2)
def _described(xml: Path) -> tuple[dict[str, str], tuple[int, ...]]:
    """What an IR says about itself, and how many numbers each output has for a picture."""
    model = ov.Core().read_model(xml)
    info = model.get_rt_info(["model_info"]).value if model.has_rt_info(["model_info"]) else {}
    widths = tuple(model.output(name).get_partial_shape()[1].get_length() for name in OUTPUTS)
    return {key: str(value) for key, value in info.items()}, widths


def _infer(model: Model, headers: Headers, body: bytes, answering: Answering) -> Reply:
    request, rest = split(headers, body)
    wanted = read_wanted(request)
    pictures = read_pictures(request, rest, model.manifest.input_size)

    def ask(numbered: tuple[int, Picture]) -> Answer:
        number, picture = numbered
        try:
            return answering(picture, len(pictures) > 1)
        except UnreadableImage as problem:
            raise bad(f"inputs: picture {number} of {len(pictures)}: {problem.message}") from problem

    threads = model.hands if len(pictures) > 1 else 1
    found = list(in_order(ask, enumerate(pictures, 1), threads=threads))
    arrays = {
        OUTPUTS[0]: np.stack([one.logits for one in found]),
        OUTPUTS[1]: np.stack([one.features for one in found]),
    }

    outputs: list[dict[str, Any]] = []
    tail = b""
    for one in wanted:
        values = np.ascontiguousarray(arrays[one.name], dtype="<f4")
        entry: dict[str, Any] = {"name": one.name, "datatype": "FP32", "shape": list(values.shape)}
        if one.binary:
            entry["parameters"] = {"binary_data_size": values.nbytes}
            tail += values.tobytes()
        else:
            entry["data"] = values.ravel().tolist()
        outputs.append(entry)
    answer = {
        "model_name": served_name(model.metadata.get("lineage", {})),
        "model_version": version_of(model),
        **({"id": request["id"]} if "id" in request else {}),
        "outputs": outputs,
    }
    status, sent, told = _json(HTTPStatus.OK, answer)
    if tail:
        sent = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(told))}
    return status, sent, told + tail


def _json(status: HTTPStatus, answer: Mapping[str, Any]) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(answer, ensure_ascii=False).encode()
