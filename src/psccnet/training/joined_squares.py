"""Join several networks of square statistics into one graph, whose logits are the mean of theirs.

Networks that learned from other pictures err on other pictures, so that their mean errs less than each of them.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import compose, helper, numpy_helper

from psccnet.errors import WeightsError
from psccnet.evidence.square_statistics.features import MEASURES


def joined(members: Sequence[tuple[bytes, Sequence[str]]]) -> bytes:
    """One ONNX file for several.

    Args:
        members: the bytes of each network, and the names of the measures that it sees.

    Returns:
        A network that sees all of `MEASURES`; its logits are the mean of the members'.

    Raises:
        WeightsError: if a member is no network, or sees a measure that this version does not take.
    """
    unknown = sorted({name for _, names in members for name in names} - set(MEASURES))
    if unknown:
        raise WeightsError(f"a network sees {', '.join(unknown)}, which this version of psccnet does not measure")
    try:
        models = [onnx.load_from_string(graph) for graph, _ in members]
    except DecodeError as error:
        raise WeightsError("a network to join is no ONNX file: psccnet weights square-statistics writes one") from error
    nodes, constants = [], []
    for number, (model, (_, names)) in enumerate(zip(models, members, strict=True)):
        graph = compose.add_prefix(model, f"{number}/").graph
        for given in model.graph.input:
            if given.name != "measures":
                nodes.append(helper.make_node("Identity", [given.name], [f"{number}/{given.name}"]))
        places = np.array([MEASURES.index(name) for name in names], np.int64)
        constants += [*graph.initializer, numpy_helper.from_array(places, f"{number}/places")]
        nodes.append(helper.make_node("Gather", ["measures", f"{number}/places"], [f"{number}/measures"], axis=1))
        nodes += graph.node
    nodes.append(helper.make_node("Mean", [f"{number}/logits" for number in range(len(models))], ["logits"]))
    inputs = [given for given in models[0].graph.input if given.name != "measures"]
    sides: list[int | str | None] = [1, len(MEASURES), "height", "width"]
    inputs.append(helper.make_tensor_value_info("measures", onnx.TensorProto.FLOAT, sides))
    graph = helper.make_graph(nodes, "squares", inputs, list(models[0].graph.output), constants)
    whole = helper.make_model(graph, opset_imports=models[0].opset_import, ir_version=models[0].ir_version)
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())
