"""Training of Isochrone's click-guided lesion network: data, clicks, network, export, evaluation.

Axis order everywhere: ``[k, j, i]`` (slice, row, column), with batch and channel in front for
tensors. Lengths are millimetres unless a name says ``voxels``.
"""
