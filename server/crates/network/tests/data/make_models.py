"""Writes the tiny ONNX files of the tests (and the device probe): ``python make_models.py``.

Needs ``onnx``. Every graph is simple enough to check by hand:

- ``probe.onnx``: y = 2·x, as a 1³ convolution.
- ``encoder.onnx``: f0 = image + previous_mask + positive − negative; f1 = mean of f0 over blocks of 2³.
- ``decoder.onnx``: logits = f0 · drop; drop has one channel.
- ``sampler.onnx``: logits = f1 · drop.
- ``foreign.onnx``: somebody else's single graph: other names, two output channels (softmax), no dropout.
- ``classes.onnx``: a single graph of three classes: what is bright, what is dark, and what is pointed at.
- ``error.onnx``: logits = f0 − answer; answer is the decoder's probability.
- ``two_channels.onnx``: a single graph; logits = first channel − second channel + positive.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
MAP = [1, 1, "k", "j", "i"]


def value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def save(path, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, [numpy_helper.from_array(a, n) for n, a in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def scaled(feature, out):
    """``feature`` [1, 1, …] times ``drop`` [T, 1]."""
    return [
        helper.make_node("Unsqueeze", ["drop", "axes"], ["factor"]),
        helper.make_node("Mul", [feature, "factor"], [out]),
    ]


axes = ("axes", np.array([2, 3, 4], np.int64))
drop = value("drop", ["T", 1])
out = value("logits", ["T", 1, "d", "h", "w"])

save(
    HERE.parent.parent / "src" / "probe.onnx",
    [helper.make_node("Conv", ["x", "w"], ["y"])],
    [value("x", [1, 1, 2, 2, 2])], [value("y", [1, 1, 2, 2, 2])],
    [("w", np.full((1, 1, 1, 1, 1), 2, np.float32))],
)
save(
    HERE / "encoder.onnx",
    [
        helper.make_node("Add", ["image", "positive"], ["sum"]),
        helper.make_node("Sub", ["sum", "negative"], ["with"]),
        helper.make_node("Add", ["with", "previous_mask"], ["f0"]),
        helper.make_node("AveragePool", ["f0"], ["f1"], kernel_shape=[2, 2, 2], strides=[2, 2, 2]),
    ],
    [value(n, MAP) for n in ("image", "previous_mask", "positive", "negative")],
    [value("f0", MAP), value("f1", [1, 1, "d", "h", "w"])],
)
save(HERE / "decoder.onnx", scaled("f0", "logits"), [value("f0", MAP), drop], [out], [axes])
save(HERE / "sampler.onnx", scaled("f1", "logits"), [value("f1", MAP), drop], [out], [axes])
save(
    HERE / "foreign.onnx",
    [
        helper.make_node("Sub", ["fg_points", "scan"], ["background"]),
        helper.make_node("Add", ["scan", "fg_points"], ["foreground"]),
        helper.make_node("Concat", ["background", "foreground"], ["pred"], axis=1),
    ],
    [value("scan", MAP), value("fg_points", MAP)],
    [value("pred", [1, 2, "k", "j", "i"])],
)
save(
    HERE / "classes.onnx",
    [
        helper.make_node("Sub", ["scan", "half"], ["bright"]),
        helper.make_node("Sub", ["half", "scan"], ["dark"]),
        helper.make_node("Sub", ["fg_points", "half"], ["pointed"]),
        helper.make_node("Concat", ["bright", "dark", "pointed"], ["pred"], axis=1),
    ],
    [value("scan", MAP), value("fg_points", MAP)],
    [value("pred", [1, 3, "k", "j", "i"])],
    [("half", np.array(0.5, np.float32))],
)
save(
    HERE / "error.onnx",
    [helper.make_node("Sub", ["f0", "answer"], ["logits"])],
    [value("f0", MAP), value("answer", MAP)], [value("logits", MAP)],
)
save(
    HERE / "two_channels.onnx",
    [
        helper.make_node("Conv", ["image", "w"], ["difference"]),
        helper.make_node("Add", ["difference", "positive"], ["logits"]),
    ],
    [value("image", [1, 2, "k", "j", "i"]), value("positive", MAP)],
    [value("logits", MAP)],
    [("w", np.array([1, -1], np.float32).reshape(1, 2, 1, 1, 1))],
)
