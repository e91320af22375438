"""Multiply-accumulates of an ONNX graph by operator, from the shapes at given input sizes.

Shapes come from onnx.shape_inference; where that leaves a product's size open, or there are branches, from a run. A
branch of If that no run could decide counts as the cheaper one, and is named: the figure then is a lower bound.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from suite.worker.brought import onnx_trace
from suite.worker.outcome import WorkerFault

Shape = Optional[Tuple[int, ...]]
Shapes = Dict[str, Tuple[int, ...]]

# Work in proportion to the elements that are read and written, beside which products count.
_CHEAP = """
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli BiasGelu BitShift
BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress Concat
ConcatFromSequence Constant ConstantOfShape Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout
DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike FastGelu Flatten Floor Gather GatherElements GatherND Gelu
GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax
Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax
LpNormalization LpPool Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Multinomial Neg
NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QuantizeLinear
QuickGelu RMSNormalization RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1
ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
Resize ReverseSequence RoiAlign Round ScatterElements ScatterND Scatter Selu SequenceAt SequenceConstruct
SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size
SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization Slice Softmax Softplus Softsign
SpaceToDepth Split SplitToSequence Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique
Unsqueeze Upsample Where Xor RotaryEmbedding
"""
CHEAP = frozenset(_CHEAP.split())
_BRANCHES = ("If", "Loop", "Scan")


class Call(NamedTuple):
    """A node, with the shapes of what it is given and gives."""

    node: Any
    given: List[Any]
    made: List[Any]


class Cost(NamedTuple):
    mac_count: int
    by_operator: List[List[Any]]
    uncounted: List[str]  # cheap
    unknown: List[str]  # of unknown cost


class _Tally(NamedTuple):
    macs: Dict[str, int]
    cheap: Set[str]
    unknown: Set[str]

    def add(self, other: "_Tally") -> None:
        for name, count in other.macs.items():
            self.macs[name] = self.macs.get(name, 0) + count
        self.cheap.update(other.cheap)
        self.unknown.update(other.unknown)


def count(proto: Any, inputs: Dict[str, Tuple[int, ...]], make: Callable[[], Dict[str, Any]], title: str) -> Cost:
    """inputs: the shapes of one call. make: gives its arrays, where a run must tell. Raises WorkerFault
    NOTHING_COUNTED."""
    sized = _sized(proto, inputs)
    tally = _of_graph(sized.graph, {})
    if any(" " in name for name in tally.unknown):
        tally = _by_a_run(sized, make) or tally
    total = sum(tally.macs.values())
    if not total:
        what = "ran no operator that has a formula"
        unknown = ", and {} of unknown cost".format(", ".join(sorted(tally.unknown))) if tally.unknown else ""
        remedy = (
            "don't take it as free: work its cost out by hand" if unknown else "leave it out: it multiplies nothing"
        )
        raise WorkerFault("NOTHING_COUNTED", "{} {}{}".format(title, what, unknown), remedy)
    by_operator = [[name, tally.macs[name]] for name in sorted(tally.macs, key=lambda name: -tally.macs[name])]
    return Cost(total, by_operator, sorted(tally.cheap), sorted(tally.unknown))


def _sized(proto: Any, inputs: Dict[str, Tuple[int, ...]]) -> Any:
    """The model with the shapes of its inputs set, and those that follow from them."""
    import onnx

    sized = onnx.ModelProto()
    sized.CopyFrom(proto)
    for value in sized.graph.input:
        if value.name in inputs:
            del value.type.tensor_type.shape.dim[:]
            for size in inputs[value.name]:
                value.type.tensor_type.shape.dim.add().dim_value = size
    for value in list(sized.graph.output):  # what the file says of them may hold for other sizes
        value.type.tensor_type.ClearField("shape")
    del sized.graph.value_info[:]
    try:
        return onnx.shape_inference.infer_shapes(sized, data_prop=True)
    except Exception:  # noqa: BLE001  # what has no shape is named as of unknown cost
        return sized


def _by_a_run(proto: Any, make: Callable[[], Dict[str, Any]]) -> Optional[_Tally]:
    """None where the graph can't be run in this way: the figure stays the lower bound that it was."""
    try:
        feeds = make()
        flat = onnx_trace.without_branches(proto, feeds)
        known = _shapes(flat.graph)
        products = [node for node in flat.graph.node if node.op_type in FORMULAS]
        names = {name for node in products for name in list(node.input) + list(node.output) if name} - set(known)
        return _of_graph(flat.graph, onnx_trace.shapes(flat, sorted(names), feeds))
    except Exception:  # noqa: BLE001  # of another kind in each version of ONNX Runtime
        return None


def _of_graph(graph: Any, outer: Shapes) -> _Tally:
    shapes = dict(outer, **_shapes(graph))
    tally = _Tally({}, set(), set())
    for node in graph.node:
        name = node.op_type
        if name in _BRANCHES:
            tally.add(_of_branches(node, shapes))
        elif name in FORMULAS:
            found = _formula(node, shapes)
            if found is None:
                tally.unknown.add(name + " of unknown size")
            else:
                tally.macs[name] = tally.macs.get(name, 0) + found
        elif name in CHEAP:
            tally.cheap.add(name)
        else:
            tally.unknown.add(name)
    return tally


def _of_branches(node: Any, shapes: Shapes) -> _Tally:
    inner = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    tallies = [_of_graph(graph, shapes) for graph in inner]
    if node.op_type == "If" and tallies:
        cheapest = min(tallies, key=lambda tally: sum(tally.macs.values()))
        dearest = max(sum(tally.macs.values()) for tally in tallies)
        if dearest > sum(cheapest.macs.values()):
            cheapest.unknown.add("If (its cheaper branch counts)")
        return cheapest
    found = _Tally({}, set(), {"{} (how often it turns is not known; one turn counts)".format(node.op_type)})
    for tally in tallies:
        found.add(tally)
    return found


def _shapes(graph: Any) -> Shapes:
    """Of every value whose sizes are all known."""
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in list(graph.value_info) + list(graph.input) + list(graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim):
            found[value.name] = tuple(dim.dim_value for dim in kind.shape.dim)
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                found[node.output[0]] = tuple(attribute.t.dims)
    return found


def _formula(node: Any, shapes: Shapes) -> Optional[int]:
    """None where a shape that it needs is not known."""
    given = [shapes.get(name) if name else () for name in node.input]
    made = [shapes.get(name) if name else () for name in node.output]
    try:
        return FORMULAS[node.op_type](Call(node, given, made))
    except (TypeError, IndexError, ValueError):  # of a shape that is None, or has other dimensions than it should
        return None


def product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return int(total)


def _attribute(node: Any, name: str, otherwise: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return {2: attribute.i, 7: list(attribute.ints), 3: attribute.s.decode("ascii", "replace")}.get(
                attribute.type, otherwise
            )
    return otherwise


def _convolution(call: Call, weight: int = 1) -> int:
    """Each output element takes one product for each weight of its channel: channels in a group x kernel."""
    return product(call.made[0]) * product(call.given[weight][1:])


def _transposed(call: Call) -> int:
    """Each input element meets each weight of its channel: output channels in a group x kernel."""
    return product(call.given[0]) * product(call.given[1][1:])


def _matmul(call: Call) -> int:
    return product(call.made[0]) * int(call.given[0][-1])


def _gemm(call: Call) -> int:
    return product(call.made[0]) * int(call.given[0][0 if _attribute(call.node, "transA", 0) else -1])


def _recurrent(gate_count: int) -> Callable[[Call], int]:
    def formula(call: Call) -> int:
        """Source: the ONNX operators LSTM, GRU and RNN: X is [length, batch, input], W [directions, gates * hidden,
        input], R [directions, gates * hidden, hidden]; with layout 1 batch comes first."""
        steps = call.given[0][0] * call.given[0][1]
        if call.given[1][1] % gate_count:
            raise ValueError(call.given[1])
        return int(steps * (product(call.given[1]) + product(call.given[2])))

    return formula


def _einsum(call: Call) -> int:
    """Every combination of indices takes one product for each operand after the first."""
    equation = _attribute(call.node, "equation", "").replace(" ", "")
    sizes: Dict[str, int] = {}
    for term, shape in zip(equation.partition("->")[0].split(","), call.given):
        if "." in term or len(term) != len(shape):
            raise ValueError(term)
        sizes.update(zip(term, shape))
    return product(list(sizes.values())) * max(1, len(call.given) - 1)


def _quantised(call: Call) -> int:
    return _convolution(call, weight=3)


def _attention(call: Call) -> int:
    """Q [batch, heads, length, size] against K and V of [batch, heads, others, size]. Source: ONNX Attention-23."""
    query, key, value = call.given[:3]
    if len(query) != 4:
        raise ValueError(query)
    pairs = query[0] * query[1] * query[2] * key[2]
    return int(pairs * (query[3] + value[3]))


FORMULAS: Dict[str, Callable[[Call], int]] = {
    "Conv": _convolution,
    "FusedConv": _convolution,
    "ConvInteger": _convolution,
    "QLinearConv": _quantised,
    "ConvTranspose": _transposed,
    "MatMul": _matmul,
    "FusedMatMul": _matmul,
    "MatMulInteger": _matmul,
    "DynamicQuantizeMatMul": _matmul,
    "QLinearMatMul": _matmul,
    "Gemm": _gemm,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
    "Einsum": _einsum,
    "Attention": _attention,
}
