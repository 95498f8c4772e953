"""OpenVINO for modules outside this package: imported from here, it comes after its telemetry was switched off."""

import openvino as ov

__all__ = ["ov"]

# OpenVINO fills its table of types at the first use. Two threads that do so at once can wait for each other for ever, one
# for the table and one for Python's lock: so it is filled here, where an import lets one thread in.
ov.Type.f32.to_dtype()
