"""Export of models as ONNX graphs."""
