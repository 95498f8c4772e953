"""The bundle's server speaks KServe v2: public clients get the answers that the model gives."""

import http.client
import json
import struct
import threading

import numpy as np
import pytest
import tritonclient.http as triton
from model_api.models import Model as IntelModel
from tritonclient.utils import InferenceServerException

from mlcore.edge.kserve import handle, served_name
from mlcore.edge.serve import create_server
from mlcore.edge.station import NO_MODEL, NoModel, Station
from tests.export.tiny import COLOURS, SIZE, jpeg

NAME = "colours"


@pytest.fixture(scope="module")
def station(model):
    return Station(model)


@pytest.fixture(scope="module")
def address(station):
    with create_server(station, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def client(address):
    with triton.InferenceServerClient(address) as client:
        yield client


@pytest.fixture
def ask(address):
    """Send one request; gives status, headers and body."""

    def ask(method: str, path: str, body: bytes | None = None, **headers: str):
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return ask


def pixels(*names: str) -> np.ndarray:
    return np.stack([np.full((SIZE, SIZE, 3), COLOURS[name], np.uint8) for name in names])


def image(values: np.ndarray, kind: str = "UINT8", *, binary: bool = True) -> triton.InferInput:
    asked = triton.InferInput("image", list(values.shape), kind)
    asked.set_data_from_numpy(values, binary_data=binary)
    return asked


def test_triton_s_client_finds_server_and_model_alive_ready_and_described(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(NAME)
    assert client.is_model_ready(NAME, "1")
    assert not client.is_model_ready("another")
    assert not client.is_model_ready(NAME, "9")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    told = client.get_model_metadata(NAME)
    assert (told["name"], told["versions"], told["platform"]) == (NAME, ["1"], "OpenVINO")
    assert told["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, SIZE, SIZE, 3]}]
    assert [(one["name"], one["shape"]) for one in told["outputs"]] == [("logits", [-1, 3]), ("feature_vector", [-1, 3])]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_triton_s_client_gets_the_model_s_own_numbers(client, model, binary_in, binary_out):
    values = pixels("red", "deep blue", "green")
    wanted = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("feature_vector", "logits")]
    answer = client.infer(NAME, [image(values, binary=binary_in)], outputs=wanted, request_id="seven")
    assert answer.get_response()["id"] == "seven"
    for place, one in enumerate(values):
        logits, features = model.infer(one)
        assert np.array_equal(answer.as_numpy("logits")[place], logits)
        assert np.array_equal(answer.as_numpy("feature_vector")[place], features)


def test_picture_files_are_decoded_on_the_server(client, model):
    files = [jpeg(COLOURS["green"]), jpeg(COLOURS["red"])]
    answer = client.infer(NAME, [image(np.array(files, dtype=np.object_), "BYTES")])
    assert answer.as_numpy("logits").argmax(axis=1).tolist() == [1, 0]
    assert np.array_equal(answer.as_numpy("logits")[0], model.answer(files[0]).logits)


def test_intel_s_model_api_asks_it_as_it_asks_openvino_model_server(address, model):
    remote = IntelModel.create_model(f"{address}/v2/models/{NAME}")
    said = remote(pixels("deep blue")[0])
    assert said.top_labels[0].name == "deep_blue"
    expected = model.answer(pixels("deep blue")[0])
    assert said.top_labels[0].confidence == pytest.approx(expected.predictions[0].confidence, abs=1e-4)
    assert np.allclose(said.feature_vector, expected.features, atol=1e-5)


def test_intel_s_model_api_reads_the_ir_and_says_the_same(model):
    local = IntelModel.create_model(str(model.manifest.root / "fp32" / "model.xml"), device="CPU")
    for name in COLOURS:
        said = local(pixels(name)[0]).top_labels[0]
        expected = model.answer(pixels(name)[0]).predictions[0]
        assert said.name == expected.label.replace(" ", "_")
        assert said.confidence == pytest.approx(expected.confidence, abs=1e-3)


def test_who_watches_the_station_sees_what_is_asked(client, station):
    seen: list[str] = []
    station.observers.append(lambda one: seen.append(one.source))
    client.infer(NAME, [image(pixels("red", "green"))])
    assert seen == ["kserve:127.0.0.1"] * 2


def request(**changes) -> bytes:
    entry = {"name": "image", "datatype": "UINT8", "shape": [1, SIZE, SIZE, 3], "data": [0] * (SIZE * SIZE * 3), **changes}
    return json.dumps({"inputs": [entry]}).encode()


FILES = {"datatype": "BYTES", "shape": [1], "data": None}


@pytest.mark.parametrize(
    ("body", "tail", "sentence"),
    [
        (b"no json", b"", "does not begin with JSON"),
        (b"[]", b"", "not a JSON object"),
        (b"{}", b"", "inputs has to be a list"),
        (b'{"inputs": []}', b"", "exactly one, named 'image'"),
        (request(name="pixels"), b"", "exactly one, named 'image'"),
        (request(shape="all"), b"", "shape has to be"),
        (request(shape=[65, SIZE, SIZE, 3]), b"", "at most 64"),
        (request(shape=[1, 3, SIZE, SIZE]), b"", "UINT8 of shape"),
        (request(datatype="FP32"), b"", "UINT8 of shape"),
        (request(data=[0]), b"", "not 1 x 32 x 32 x 3 numbers"),
        (request(data=[256] * (SIZE * SIZE * 3)), b"", "from 0 to 255"),
        (request(data=[[0], [0, 1]]), b"", "not 1 x 32 x 32 x 3 numbers"),
        (request(parameters={"binary_data_size": 9}), b"four", "4 bytes follow"),
        (request(parameters={"binary_data_size": 4}), b"four", "asks for 3072 bytes"),
        (request(**FILES), b"", "binary data only"),
        (request(**FILES, parameters={"binary_data_size": 3}), b"abc", "picture 1 of 1 is missing"),
        (request(**FILES, parameters={"binary_data_size": 6}), struct.pack("<I", 9) + b"ab", "is cut off"),
        (request(**FILES, parameters={"binary_data_size": 6}), struct.pack("<I", 2) + b"ab", "picture 1 of 1: "),
        (request(**FILES, parameters={"binary_data_size": 6}), struct.pack("<I", 0) + b"ab", "2 bytes follow the last"),
        (request()[:-1] + b', "outputs": [{"name": "boxes"}]}', b"", "there is no 'boxes'"),
    ],
)
def test_bad_requests_get_a_sentence(ask, body, tail, sentence):
    header = {"Inference_Header_Content_Length": str(len(body))} if tail else {}
    status, _, told = ask("POST", f"/v2/models/{NAME}/infer", body + tail, **header)
    assert status == 400
    assert sentence in json.loads(told)["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/another", 404),
        ("GET", "/v2/nothing", 404),
        ("POST", "/v2/health/live", 405),
        ("GET", f"/v2/models/{NAME}/infer", 405),
    ],
)
def test_other_paths_and_methods_are_refused_in_json(ask, method, path, status):
    found, _, told = ask(method, path, b"" if method == "POST" else None)
    assert found == status
    assert json.loads(told)["error"].endswith(".")


def test_a_length_that_lies_is_refused(ask):
    status, _, told = ask("POST", f"/v2/models/{NAME}/infer", request(), Inference_Header_Content_Length="99999999")
    assert status == 400
    assert "is not the length" in json.loads(told)["error"]


def test_triton_s_client_is_told_what_was_wrong(client):
    with pytest.raises(InferenceServerException, match="picture 1 of 1"):
        client.infer(NAME, [image(np.array([b"no picture"], dtype=np.object_), "BYTES")])


def test_without_a_model_it_lives_and_is_not_ready():
    def nothing():
        raise NoModel(NO_MODEL)

    def status(method: str, path: str) -> int | None:
        reply = handle(method, path, {}, b"", nothing)
        return reply and int(reply[0])

    assert status("GET", "/v2/health/live") == 200
    assert status("GET", "/v2/health/ready") == 503
    assert status("GET", "/v2/models/any") == 503
    assert status("GET", "/predict") is None


@pytest.mark.parametrize(
    ("project", "name"),
    [({"name": "Häusliche Dosen 2"}, "hausliche-dosen-2"), ("Trash!", "trash"), ({"name": "鳥"}, "model"), (None, "model")],
)
def test_a_model_is_named_after_its_project(project, name):
    assert served_name({"project": project}) == name
