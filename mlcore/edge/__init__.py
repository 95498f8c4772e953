"""What runs on the device: needs numpy, openvino, pillow and cryptography, and imports nothing else of mlcore."""

import sys

# On import OpenVINO, and NNCF beside it, tell their maker over the network that they were used, unless the package
# that does so is missing. None makes it look missing; a device in a factory must not call anybody.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
