"""The KServe v2 protocol over REST (Open Inference Protocol), so that public clients can ask a bundle like any server.

Health, metadata of server and model, versions, and inference with JSON or with the binary tensor extension
(https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol). The input ``image`` takes
pixels (UINT8, n x size x size x 3, RGB) or whole picture files (BYTES, n); the outputs are those of the model.
"""

import json
import re
import struct
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.edge.engine import ov
from mlcore.edge.in_order import in_order
from mlcore.edge.preprocess import Pixels, UnreadableImage
from mlcore.edge.runtime import InferenceFailed, Model
from mlcore.edge.station import NoModel

INPUT, OUTPUTS = "image", ("logits", "feature_vector")

# Pictures in one request; more of them would hold up everybody else's.
MOST_PICTURES = 64

HEADER_LENGTH = "Inference-Header-Content-Length"

Reply = tuple[HTTPStatus, dict[str, str], bytes]

_MODEL = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<what>ready|infer))?")
_FIXED = {"/v2", "/v2/health/live", "/v2/health/ready"}


class _Refused(Exception):
    """The request cannot be answered; one sentence with the mend goes to the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class _Wanted:
    """One output that was asked for, as numbers in JSON or as bytes after it."""

    name: str
    binary: bool


def handle(
    method: str, path: str, headers: Mapping[str, str], body: bytes, model_provider: Callable[[], Model]
) -> Reply | None:
    """Answer one request: status, headers, body. None when ``path`` (without query) is none of this protocol's.

    ``headers`` are looked up by their usual spelling, as email.message.Message does without regard to case;
    ``model_provider`` gives the model that serves now, or raises NoModel.
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
            return _infer(model, headers, body)
        if found["what"] == "ready":
            return _json(HTTPStatus.OK, {"name": served_name(model.metadata.get("lineage", {})), "ready": True})
        return _json(HTTPStatus.OK, _metadata(model))
    except NoModel as problem:
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(problem)})
    except InferenceFailed as problem:
        return _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(problem)})
    except _Refused as problem:
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
        raise _Refused(HTTPStatus.NOT_FOUND, f"There is no model {name!r} here; ask for {known}.")
    if version is not None and version != version_of(model):
        raise _Refused(
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
    return {key: str(value.value) for key, value in info.items()}, widths


def _infer(model: Model, headers: Mapping[str, str], body: bytes) -> Reply:
    request, rest = _split(headers, body)
    wanted = _wanted(request)
    pixels = _pixels(model, request, rest)
    if len(pixels) == 1:
        found = [model.infer(pixels[0])]
    else:
        found = list(in_order(lambda one: model.infer(one, many=True), pixels, threads=model.hands))
    arrays = {name: np.stack([one[place] for one in found]) for place, name in enumerate(OUTPUTS)}

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


def _split(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON of a request and the bytes that follow it."""
    if headers.get("Content-Encoding", "identity") not in ("identity", ""):
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Compressed requests are not read; send it uncompressed.")
    length = headers.get(HEADER_LENGTH)
    if length is not None and not (re.fullmatch("[0-9]{1,9}", length) and int(length) <= len(body)):
        raise _bad(f"{HEADER_LENGTH} is not the length of the JSON at the beginning of the body.")
    end = len(body) if length is None else int(length)
    try:
        request = json.loads(body[:end])
    except (ValueError, RecursionError) as problem:
        raise _bad("The body does not begin with JSON; send an inference request of the protocol's version 2.") from problem
    if not isinstance(request, dict):
        raise _bad("The request is not a JSON object; send an inference request of the protocol's version 2.")
    return request, body[end:]


def _wanted(request: Mapping[str, Any]) -> list[_Wanted]:
    """The outputs to send: those that are named, else all."""
    usually = _parameters(request).get("binary_data_output") is True
    if not request.get("outputs"):
        return [_Wanted(name, usually) for name in OUTPUTS]
    result = []
    for entry in _entries(request, "outputs"):
        if entry.get("name") not in OUTPUTS:
            raise _bad(f"outputs: there is no {entry.get('name')!r}; ask for {' or '.join(OUTPUTS)}.")
        if "classification" in _parameters(entry):
            raise _bad("outputs: the extension for classification is not offered; take the largest of the logits.")
        result.append(_Wanted(entry["name"], _parameters(entry).get("binary_data", usually) is True))
    return result


def _pixels(model: Model, request: Mapping[str, Any], rest: bytes) -> Sequence[Pixels]:
    """The pictures of a request as the network sees them."""
    entries = _entries(request, "inputs")
    if len(entries) != 1 or entries[0].get("name") != INPUT:
        raise _bad(f"inputs: exactly one, named {INPUT!r}, is taken.")
    entry = entries[0]
    shape, kind = entry.get("shape"), entry.get("datatype")
    if not (isinstance(shape, list) and shape and all(type(side) is int and side > 0 for side in shape)):
        raise _bad("inputs: shape has to be a list of whole numbers from 1.")
    if shape[0] > MOST_PICTURES:
        raise _bad(f"inputs: {shape[0]} pictures at once are too many; send at most {MOST_PICTURES} in one request.")
    raw = _raw(entry, rest)
    if kind == "BYTES":
        return _read_files(model, shape, raw)
    size = model.manifest.input_size
    if kind != "UINT8" or shape[1:] != [size, size, 3]:
        raise _bad(f"inputs: {INPUT} takes UINT8 of shape [n, {size}, {size}, 3] in RGB, or BYTES of shape [n].")
    return list(_numbers(entry, shape) if raw is None else _tensor(raw, shape))


def _raw(entry: Mapping[str, Any], rest: bytes) -> bytes | None:
    """The input's bytes after the JSON, None where its numbers are in the JSON."""
    size = _parameters(entry).get("binary_data_size")
    if size is None:
        return None
    if size != len(rest):
        raise _bad(f"inputs: binary_data_size says {size!r}, and {len(rest)} bytes follow the JSON.")
    return rest


def _tensor(raw: bytes, shape: Sequence[int]) -> Pixels:
    if len(raw) != np.prod(shape):
        raise _bad(f"inputs: shape {shape} asks for {np.prod(shape)} bytes, {len(raw)} were sent.")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _numbers(entry: Mapping[str, Any], shape: Sequence[int]) -> Pixels:
    try:
        values: npt.NDArray[np.generic] = np.asarray(entry["data"])
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 255:
            raise _bad("inputs: data has to be whole numbers from 0 to 255.")
        return values.astype(np.uint8).reshape(shape)
    except (KeyError, ValueError, OverflowError) as problem:
        raise _bad(f"inputs: data is missing, or not {' x '.join(map(str, shape))} numbers.") from problem


def _read_files(model: Model, shape: Sequence[int], raw: bytes | None) -> list[Pixels]:
    """Picture files, each after its length in four bytes, decoded and scaled."""
    if raw is None:
        raise _bad("inputs: BYTES are taken as binary data only, since JSON cannot hold a picture's bytes.")
    if len(shape) != 1:
        raise _bad("inputs: BYTES are taken in the shape [n], one picture file an element.")
    result, at = [], 0
    for number in range(shape[0]):
        if len(raw) < at + 4:
            raise _bad(f"inputs: picture {number + 1} of {shape[0]} is missing.")
        (length,) = struct.unpack_from("<I", raw, at)
        at += 4 + length
        if at > len(raw):
            raise _bad(f"inputs: picture {number + 1} of {shape[0]} is cut off.")
        try:
            result.append(model.read(raw[at - length : at]))
        except UnreadableImage as problem:
            raise _bad(f"inputs: picture {number + 1} of {shape[0]}: {problem.message}") from problem
    if at != len(raw):
        raise _bad(f"inputs: {len(raw) - at} bytes follow the last picture.")
    return result


def _entries(request: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = request.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _bad(f"{key} has to be a list of objects.")
    return entries


def _parameters(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = entry.get("parameters", {})
    return parameters if isinstance(parameters, dict) else {}


def _bad(message: str) -> _Refused:
    return _Refused(HTTPStatus.BAD_REQUEST, message)


def _json(status: HTTPStatus, answer: Mapping[str, Any]) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(answer, ensure_ascii=False).encode()
