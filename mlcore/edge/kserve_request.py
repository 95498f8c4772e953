"""What a request of the KServe v2 protocol asks: its JSON, the bytes that follow it, pictures, and wanted outputs."""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.edge.preprocess import Pixels
from mlcore.edge.runtime import Picture

INPUT, OUTPUTS = "image", ("logits", "feature_vector")

# Pictures in one request; more of them would hold up everybody else's.
MOST_PICTURES = 64

HEADER_LENGTH = "Inference-Header-Content-Length"

# As Python's own server reads them, or any mapping with their usual spelling.
Headers = Mapping[str, str] | Message


class Refused(Exception):
    """The request cannot be answered; one sentence with the mend goes to the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Wanted:
    """One output that was asked for, as numbers in JSON or as bytes after it."""

    name: str
    binary: bool


def split(headers: Headers, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON of a request and the bytes that follow it. Raises Refused."""
    if headers.get("Content-Encoding", "identity") not in ("identity", ""):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Compressed requests are not read; send it uncompressed.")
    length = headers.get(HEADER_LENGTH)
    if length is not None and not (re.fullmatch("[0-9]{1,9}", length) and int(length) <= len(body)):
        raise bad(f"{HEADER_LENGTH} is not the length of the JSON at the beginning of the body.")
    end = len(body) if length is None else int(length)
    try:
        request = json.loads(body[:end])
    except (ValueError, RecursionError) as problem:
        raise bad("The body does not begin with JSON; send an inference request of the protocol's version 2.") from problem
    if not isinstance(request, dict):
        raise bad("The request is not a JSON object; send an inference request of the protocol's version 2.")
    return request, body[end:]


def read_wanted(request: Mapping[str, Any]) -> list[Wanted]:
    """The outputs to send: those that are named, else all. Raises Refused."""
    usually = _parameters(request).get("binary_data_output") is True
    if not request.get("outputs"):
        return [Wanted(name, usually) for name in OUTPUTS]
    result = []
    for entry in _entries(request, "outputs"):
        if entry.get("name") not in OUTPUTS:
            raise bad(f"outputs: there is no {entry.get('name')!r}; ask for {' or '.join(OUTPUTS)}.")
        if "classification" in _parameters(entry):
            raise bad("outputs: the extension for classification is not offered; take the largest of the logits.")
        result.append(Wanted(entry["name"], _parameters(entry).get("binary_data", usually) is True))
    return result


def read_pictures(request: Mapping[str, Any], rest: bytes, size: int) -> Sequence[Picture]:
    """The pictures of a request: files, or uint8 (size, size, 3) as the network takes them. Raises Refused."""
    entries = _entries(request, "inputs")
    if len(entries) != 1 or entries[0].get("name") != INPUT:
        raise bad(f"inputs: exactly one, named {INPUT!r}, is taken.")
    entry = entries[0]
    shape, kind = entry.get("shape"), entry.get("datatype")
    if not (isinstance(shape, list) and shape and all(type(side) is int and side > 0 for side in shape)):
        raise bad("inputs: shape has to be a list of whole numbers from 1.")
    if shape[0] > MOST_PICTURES:
        raise bad(f"inputs: {shape[0]} pictures at once are too many; send at most {MOST_PICTURES} in one request.")
    raw = _raw(entry, rest)
    if kind == "BYTES":
        return _files(shape, raw)
    if kind != "UINT8" or shape[1:] != [size, size, 3]:
        raise bad(f"inputs: {INPUT} takes UINT8 of shape [n, {size}, {size}, 3] in RGB, or BYTES of shape [n].")
    return list(_numbers(entry, shape) if raw is None else _tensor(raw, shape))


def _raw(entry: Mapping[str, Any], rest: bytes) -> bytes | None:
    """The input's bytes after the JSON, None where its numbers are in the JSON."""
    size = _parameters(entry).get("binary_data_size")
    if size is None:
        return None
    if size != len(rest):
        raise bad(f"inputs: binary_data_size says {size!r}, and {len(rest)} bytes follow the JSON.")
    return rest


def _tensor(raw: bytes, shape: Sequence[int]) -> Pixels:
    if len(raw) != np.prod(shape):
        raise bad(f"inputs: shape {shape} asks for {np.prod(shape)} bytes, {len(raw)} were sent.")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _numbers(entry: Mapping[str, Any], shape: Sequence[int]) -> Pixels:
    try:
        values: npt.NDArray[np.generic] = np.asarray(entry["data"])
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 255:
            raise bad("inputs: data has to be whole numbers from 0 to 255.")
        return values.astype(np.uint8).reshape(shape)
    except (KeyError, ValueError, OverflowError) as problem:
        raise bad(f"inputs: data is missing, or not {' x '.join(map(str, shape))} numbers.") from problem


def _files(shape: Sequence[int], raw: bytes | None) -> list[Picture]:
    """Picture files, each after its length in four bytes."""
    if raw is None:
        raise bad("inputs: BYTES are taken as binary data only, since JSON cannot hold a picture's bytes.")
    if len(shape) != 1:
        raise bad("inputs: BYTES are taken in the shape [n], one picture file an element.")
    result: list[Picture] = []
    at = 0
    for number in range(shape[0]):
        if len(raw) < at + 4:
            raise bad(f"inputs: picture {number + 1} of {shape[0]} is missing.")
        (length,) = struct.unpack_from("<I", raw, at)
        at += 4 + length
        if at > len(raw):
            raise bad(f"inputs: picture {number + 1} of {shape[0]} is cut off.")
        result.append(raw[at - length : at])
    if at != len(raw):
        raise bad(f"inputs: {len(raw) - at} bytes follow the last picture.")
    return result


def _entries(request: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = request.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise bad(f"{key} has to be a list of objects.")
    return entries


def _parameters(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = entry.get("parameters", {})
    return parameters if isinstance(parameters, dict) else {}


def bad(message: str) -> Refused:
    """A refusal because of what the request says."""
    return Refused(HTTPStatus.BAD_REQUEST, message)
