"""Models for other runtimes: an ONNX graph of one window, and everything else in a JSON document."""
