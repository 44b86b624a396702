"""Training of Isochrone's click-guided lesion network: data, clicks, network, export, evaluation.

Axis order everywhere: ``[k, j, i]`` (slice, row, column), with batch and channel in front for
tensors. Lengths are millimetres unless a name says ``voxels``.
"""

import os

# Before torch loads OpenMP: threads that wait by spinning make a step 20 times slower as soon as
# another process wants a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Before ONNX Runtime is loaded: it would report to its vendor.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
