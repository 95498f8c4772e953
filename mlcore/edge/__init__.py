"""What runs on the device: needs numpy, openvino and pillow, and imports nothing else of mlcore."""
