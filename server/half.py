"""Narrow an ONNX graph to float16, with float32 where that is not safe: for engines that take types from the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDE = frozenset(
    {
        *("Exp", "Log", "Pow", "Sqrt", "Reciprocal", "Div", "Erf", "Softmax", "LogSoftmax", "CumSum"),
        *("ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceProd"),
        *("BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "LpNormalization"),
        *("GlobalAveragePool", "Cast", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"),
    }
)
"""Operators that stay in float32: sums over a picture, norms, curves that run away, comparisons."""
SIZES = {"Resize": (1, 2), "Upsample": (1,)}
"""Inputs that are float32 whatever the data is."""


class Narrowing:
    """One pass over a graph, in its order: each tensor is known in the width it was made in, and cast where asked."""

    def __init__(self, model: onnx.ModelProto) -> None:
        inferred = onnx.shape_inference.infer_shapes(model).graph
        typed = (*inferred.input, *inferred.value_info, *inferred.output)
        self.floats = {v.name for v in typed if v.type.tensor_type.elem_type == TensorProto.FLOAT}
        self.constants = {one.name: one for one in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                tensor = onnx.TensorProto()
                tensor.CopyFrom(node.attribute[0].t)
                tensor.name = node.output[0]
                self.constants[tensor.name] = tensor
            else:
                self.nodes.append(node)
        self.floats |= {name for name, one in self.constants.items() if one.data_type == TensorProto.FLOAT}
        self.names: dict[str, dict[int, str]] = {name: {TensorProto.FLOAT: name} for name in self.floats}
        self.data = {one.name for one in model.graph.input} & self.floats
        self.made: list[onnx.NodeProto] = []

    def run(self) -> None:
        """Rewrite all nodes."""
        for node in self.nodes:
            if any(attribute.type in (attribute.GRAPH, attribute.GRAPHS) for attribute in node.attribute):
                raise ValueError(f"operator {node.op_type} (node {node.name}) holds a graph of its own")
            fixed = SIZES.get(node.op_type, ())
            free = [k for k, name in enumerate(node.input) if name in self.floats and k not in fixed]
            # What does not come from the photo is arithmetic of shapes: sizes beyond 2048 are not exact in float16.
            carries = any(node.input[k] in self.data for k in free)
            narrow = carries and node.op_type not in WIDE and all(self.fits(node.input[k]) for k in free)
            width = TensorProto.FLOAT16 if narrow else TensorProto.FLOAT
            for k, name in enumerate(node.input):
                if name in self.floats:
                    node.input[k] = self.named(name, width if k in free else TensorProto.FLOAT)
            for k, name in enumerate(node.output):
                if carries and name in self.floats:
                    self.data.add(name)
                    if narrow:
                        node.output[k] = f"{name}:f16"
                        self.names[name] = {TensorProto.FLOAT16: node.output[k]}
            self.made.append(node)

    def fits(self, name: str) -> bool:
        """Whether a constant survives float16: none of it overflows, and a single number (an epsilon) is not lost."""
        if name not in self.constants:
            return True
        wide = numpy_helper.to_array(self.constants[name])
        with np.errstate(over="ignore"):
            narrow = wide.astype(np.float16)
        return bool(np.isfinite(narrow).all()) and (wide.size > 1 or bool(narrow.any()) == bool(wide.any()))

    def named(self, name: str, width: int) -> str:
        """Return the tensor's name in that width; cast it where it was not needed so before."""
        known = self.names[name]
        if width not in known:
            if name in self.constants:
                known[width] = f"{name}:f16"
                narrow = numpy_helper.to_array(self.constants[name]).astype(np.float16)
                self.constants[known[width]] = numpy_helper.from_array(narrow, known[width])
            else:
                known[width] = f"{name}:f16" if width == TensorProto.FLOAT16 else name
                (source,) = [known[other] for other in known if other != width]
                self.made.append(helper.make_node("Cast", [source], [known[width]], f"{known[width]}:cast", to=width))
        return known[width]


def halved(data: bytes) -> bytes:
    """Return the graph of an ONNX file computing in float16; inputs and outputs stay float32.

    Raises ValueError where the graph holds graphs (loops and branches).
    """
    model: Any = onnx.load_from_string(data)
    narrowing = Narrowing(model)
    narrowing.run()
    for one in model.graph.output:
        if one.name in narrowing.floats:
            narrowing.named(one.name, TensorProto.FLOAT)
    used = {name for node in narrowing.made for name in node.input}
    constants = [one for name, one in narrowing.constants.items() if name in used]
    made = helper.make_graph(narrowing.made, model.graph.name, model.graph.input, model.graph.output, constants)
    model.graph.CopyFrom(made)
    onnx.checker.check_model(model)
    return model.SerializeToString()
