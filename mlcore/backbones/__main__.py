"""python -m mlcore.backbones: converts backbones to OpenVINO ahead of their first use, and says which."""

import argparse
import os
import sys
import time
from pathlib import Path

from mlcore.backbones import DEFAULT, BackboneMissing, Extractor, TunedProblem, find
from mlcore.backbones.ir import cached_ir
from mlcore.backbones.quickest import known
from mlcore.device import pick

# Pages and labels go first.
NICE = 5


def main(words: list[str] | None = None) -> None:
    """Convert the default backbone and the named ones, and try how they run quickest. One without weights is left out."""
    parser = argparse.ArgumentParser(prog="python -m mlcore.backbones", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"besides {DEFAULT}")
    parser.add_argument("--folder", type=Path, help="where converted networks are kept")
    parser.add_argument("--tuned", type=Path, help="where fine-tuned backbones are kept")
    parser.add_argument("--device", default="auto", help="which device they are for (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait so long first")
    options = parser.parse_args(words)
    if hasattr(os, "nice"):
        os.nice(NICE)
    time.sleep(options.wait)
    device = pick(options.device)
    for name in dict.fromkeys([DEFAULT, *options.names]):
        try:
            backbone = find(name, options.tuned)
            path = cached_ir(backbone, device.openvino_precision, options.folder)
            if device.openvino_device == "CPU" and known(backbone.base or name, device, path.parent) is None:
                Extractor(backbone, device=device, folder=options.folder)
            print(path)  # noqa: T201
        except (BackboneMissing, TunedProblem, ValueError) as problem:
            print(f"{name} is left out: {problem}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
