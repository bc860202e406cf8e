"""A trained detector as one ONNX file. Nothing here is imported with the package."""
