"""OpenVINO for modules outside this package: imported from here, it comes after its telemetry was switched off."""

import openvino as ov

__all__ = ["ov"]
