"""What the runtime on a device takes: disk, memory, and how near it comes to OpenVINO's own benchmark_app on the same IR.

    python -m benchmarks.edge_runtime [--photos FOLDER] [--rounds 5] [--seconds 3] [--without-geti] [--json PATH]

The default backbone is exported as a project does it. Then, in environments of their own:
disk: the packages that pip brings for the device's runtime, for a Geti deployment's demo (its requirements.txt as published:
geti-sdk and OpenCV), and of what is installed here those that torch needs to serve the same network.
Memory: a process that serves the network over HTTP, once it has answered. Geti's deployment itself is not run, because it
needs a project made by its server: measured is the import of its deployment module, and the IR through the Model API that
it hands models to. That is the least that it can take.
Throughput: the device's own code and benchmark_app take turns on the same IR, with the same hint, for some seconds each.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import torch
from torch import nn

from benchmarks.common import ROOT, deliver, parser
from benchmarks.installed import needed_by, size_of
from benchmarks.site import photos_for
from mlcore.backbones import REGISTRY
from mlcore.convert import Classifier
from mlcore.edge.manifest import PRECISIONS
from mlcore.export import export_classifier
from tests.export.conftest import Learnt, learn

BACKBONE = "lite0"
GETI = ("geti-sdk>=2.10.1", "opencv-python>=4.10")
# What the environments have besides: the installer is not counted.
NOT_COUNTED = ("pip", "setuptools", "wheel")
ASKED = 100
SIZES = """
import json
from importlib.metadata import distributions
def size(one):
    paths = (one.locate_file(file) for file in one.files or [])
    return sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps({one.name.lower(): [one.version, size(one)] for one in distributions()}))
"""


def main() -> None:
    """Measure and deliver."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--rounds", type=int, default=5, help="turns of each (default: %(default)s)")
    made.add_argument("--seconds", type=float, default=3.0, help="length of a turn (default: %(default)s)")
    made.add_argument("--without-geti", action="store_true", help="do not install its environment: 900 MB")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        photos = photos_for(options.photos, scratch)
        learnt = learn(BACKBONE, photos)
        bundle = export(learnt, scratch)
        device = environment(scratch / "device", "--requirement", str(bundle / "requirements.txt"))
        geti = None if options.without_geti else environment(scratch / "geti", *GETI)
        result = {
            "backbone": BACKBONE, "bundle_mb": megabytes((scratch / "bundle.zip").stat().st_size),
            "disk": disk(device, geti), "memory": memory(bundle, learnt, device, geti), "asked": ASKED,
            "rounds": options.rounds, "seconds": options.seconds,
            "throughput": [
                throughput(device, bundle, precision, photos, options.rounds, options.seconds) for precision in PRECISIONS
            ],
        }
    deliver(result, options.json)


def export(learnt: Learnt, scratch: Path) -> Path:
    """The bundle, unpacked; beside it the network for torch, which takes RGB pixels of 0 to 255."""
    made = export_classifier(**learnt.arguments(out_dir=scratch / "out"))
    made.path.rename(scratch / "bundle.zip")
    with zipfile.ZipFile(scratch / "bundle.zip") as packed:
        packed.extractall(scratch / "bundle")
    spec = REGISTRY[learnt.backbone]

    class FromPixels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Classifier(spec.module(), learnt.projection.state(), learnt.head.to_linear())
            self.register_buffer("mean", torch.tensor(spec.mean)[:, None, None])
            self.register_buffer("scale", torch.tensor(spec.scale)[:, None, None])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.inner((x - self.mean) / self.scale)[0]
            return logits

    with torch.inference_mode():
        traced = torch.jit.trace(FromPixels().eval(), torch.zeros(1, 3, spec.input_size, spec.input_size))
    torch.jit.save(traced, scratch / "bundle" / "network.pt")
    return scratch / "bundle"


def environment(place: Path, *what: str) -> Path:
    """A virtual environment with these requirements and nothing else; its Python."""
    venv.create(place)
    python = place / "bin" / "python"
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *what], check=True)
    return python


def disk(device: Path, geti: Path | None) -> dict[str, Any]:
    """Megabytes of packages, by environment: all, the largest, and how many there are."""
    here = {name: size_of(name) for name in needed_by(["torch", "numpy", "pillow"])}
    found = {"device": packages(device), "torch": here}
    if geti is not None:
        found["geti"] = packages(geti)
    return {
        name: {
            "packages": len(sizes), "all_mb": megabytes(sum(sizes.values())),
            "largest_mb": {one: megabytes(sizes[one]) for one in sorted(sizes, key=lambda one: -sizes[one])[:5]},
        }
        for name, sizes in found.items()
    }


def packages(python: Path) -> dict[str, int]:
    """Bytes of each package of an environment, the installer left out."""
    said = subprocess.run([python, "-c", SIZES], capture_output=True, check=True, text=True).stdout
    return {name: size for name, (_, size) in json.loads(said).items() if name not in NOT_COUNTED}


def memory(bundle: Path, learnt: Learnt, device: Path, geti: Path | None) -> dict[str, dict[str, float]]:
    """Of each server after it has answered: USS is its own, PSS shares what several processes map, RSS counts it in full."""
    servers = str(ROOT / "benchmarks" / "edge_servers.py")
    words: dict[str, list[str]] = {
        "device": [str(device), "-u", "run.py", "--serve", "--port", "0", "--precision", "FP16", "--device", "CPU"],
        # -P: what lies beside the script is not to be imported.
        "torch": [sys.executable, "-P", servers, "torch", str(bundle)],
    }
    if geti is not None:
        words["geti"] = [str(geti), "-P", servers, "geti", str(bundle)]
    pictures = [path.read_bytes() for path in learnt.paths]
    return {name: after_answers(line, bundle, pictures) for name, line in words.items()}


def after_answers(words: Sequence[str], folder: Path, pictures: Sequence[bytes]) -> dict[str, float]:
    """Megabytes of one server."""
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        address, said = "", ""
        while not address:
            said += (line := process.stdout.readline())
            assert line, f"{words[0]} ended before it served:\n{said}"
            address = (re.findall(r"http://\S+/predict", line) or [""])[0]
        for number in range(ASKED):
            data = pictures[number % len(pictures)]
            with urlopen(Request(address, data=data, method="POST")) as answer:  # noqa: S310 a server of this very run
                answer.read()
        used = psutil.Process(process.pid).memory_full_info()
        return {"uss_mb": megabytes(used.uss), "pss_mb": megabytes(used.pss), "rss_mb": megabytes(used.rss)}
    finally:
        process.kill()
        process.wait()


def throughput(
    device: Path, bundle: Path, precision: str, photos: Path, rounds: int, seconds: float
) -> dict[str, Any]:
    """Images a second of the network alone, of files, and of benchmark_app, taken in turns; ratios are of one turn each."""
    app: list[float] = []
    ours: dict[str, list[dict[str, float]]] = {"bare": [], "folder": []}
    with warm(device, bundle, precision, photos) as take:
        for _ in range(rounds):
            app.append(benchmark_app(device, bundle / precision.lower() / "model.xml", precision, seconds))
            for what, found in ours.items():
                found.append(take(what, seconds))
    per_second = {what: [one["images"] / one["s"] for one in found] for what, found in ours.items()}
    return {
        "precision": precision, "benchmark_app": round(statistics.median(app), 1),
        **{what: round(statistics.median(found), 1) for what, found in per_second.items()},
        **{
            f"{what}_ratio": round(statistics.median(one / other for one, other in zip(found, app, strict=True)), 3)
            for what, found in per_second.items()
        },
        **{
            f"{what}_cpu_ms": round(1000 * min(one["cpu_s"] / one["images"] for one in found), 2)
            for what, found in ours.items()
        },
    }


@contextmanager
def warm(device: Path, bundle: Path, precision: str, photos: Path) -> Iterator[Any]:
    """The device's code in its own environment, ready; gives a function that runs it for a while."""
    words = [device, "-P", ROOT / "benchmarks" / "edge_rounds.py", bundle, precision, photos]
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, env={"PYTHONPATH": str(bundle)}, stdin=pipe, stdout=pipe, text=True)
    assert process.stdin is not None and process.stdout is not None
    sent, told = process.stdin, process.stdout
    assert told.readline() == "ready\n"

    def take(what: str, seconds: float) -> dict[str, float]:
        sent.write(f"{what} {seconds}\n")
        sent.flush()
        answer: dict[str, float] = json.loads(told.readline())
        return answer

    try:
        yield take
    finally:
        process.kill()
        process.wait()


def benchmark_app(device: Path, xml: Path, precision: str, seconds: float) -> float:
    """Images a second, as it says."""
    words = [device.with_name("benchmark_app"), "-m", xml, "-d", "CPU", "-hint", "throughput"]
    words += ["-t", str(max(1, round(seconds)))]
    # As the runtime does it: FP32 is computed in 32 bits, also where the processor has bfloat16.
    words += ["-infer_precision", "f32"] if precision == "FP32" else []
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Throughput:\s+([\d.]+) FPS", said)
    assert found is not None, said
    return float(found[1])


def megabytes(size: int) -> float:
    """Of 2**20 bytes."""
    return round(size / 2**20, 1)


if __name__ == "__main__":
    main()
