"""Export a trained classifier to other formats: its model as an ONNX graph, in a bundle of the same kind."""
