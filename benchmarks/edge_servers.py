"""Serves one picture model over HTTP in whatever environment runs this file, and says how it was loaded: for edge_runtime.

    python benchmarks/edge_servers.py torch FOLDER    the network and its head in torch, traced
    python benchmarks/edge_servers.py geti FOLDER     the bundle's IR through the Model API that geti-sdk runs deployments by

Prints its address. FOLDER holds the unpacked bundle, and `network.pt` for torch. It imports nothing of this project.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

Answer = Callable[[bytes], str]


def by_torch(folder: Path) -> Answer:
    """Pillow and a traced network: the least that torch needs."""
    import numpy as np
    import torch
    from PIL import Image

    size = json.loads((folder / "manifest.json").read_text())["input"]["width"]
    labels = [label["name"] for label in json.loads((folder / "labels.json").read_text())["labels"]]
    network = torch.jit.load(folder / "network.pt")

    def answer(data: bytes) -> str:
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1)[None].copy())
        with torch.inference_mode():
            return labels[int(network(pixels)[0].argmax())]

    return answer


def by_geti(folder: Path) -> Answer:
    """What geti_sdk.deployment does for a classifier: OpenCV reads, the Model API answers."""
    import cv2
    import geti_sdk.deployment  # noqa: F401  it is what a deployment package's demo imports
    import numpy as np
    from model_api.models import Model

    size = json.loads((folder / "manifest.json").read_text())["input"]["width"]
    model = Model.create_model(str(folder / "fp16" / "model.xml"), device="CPU")

    def answer(data: bytes) -> str:
        image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return str(model(cv2.resize(image, (size, size))).top_labels[0])

    return answer


def serve(answer: Answer) -> None:
    """Until it is ended."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = answer(self.rfile.read(int(self.headers["Content-Length"]))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/predict", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve({"torch": by_torch, "geti": by_geti}[sys.argv[1]](Path(sys.argv[2])))
