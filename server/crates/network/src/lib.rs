//! Model bundles, and ONNX Runtime that runs them.
