"""What stands in an ONNX file, to any depth of its subgraphs: weights by element type, inputs, tables looked up in."""

import hashlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from suite.worker.brought.shapes import Input
from suite.worker.outcome import WorkerFault

_BITS = {
    "int2": 2, "uint2": 2, "int4": 4, "uint4": 4, "float4e2m1": 4, "bool": 8, "int8": 8, "uint8": 8,
    "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8, "float8e5m2fnuz": 8, "float8e8m0": 8,
    "int16": 16, "uint16": 16, "float16": 16, "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32,
    "int64": 64, "uint64": 64, "float64": 64, "complex64": 64, "complex128": 128,
}  # fmt: skip
_SAME_VALUES = (
    "Cast",
    "Identity",
    "Unsqueeze",
    "Squeeze",
    "Reshape",
    "Flatten",
    "Transpose",
    "Expand",
    "Slice",
    "Concat",
)


def graphs(graph: Any) -> Iterator[Any]:
    """The graph, and those within its nodes (of If, Loop and Scan)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                for found in graphs(inner):
                    yield found


def tensors(graph: Any) -> Iterator[Tuple[str, Any]]:
    """Every tensor that the file holds, with a name that is its own: initialisers, and constants by their outputs."""
    for depth, part in enumerate(graphs(graph)):
        where = "" if depth == 0 else "{}.".format(depth)
        for tensor in part.initializer:
            yield where + tensor.name, tensor
        for sparse in part.sparse_initializer:
            yield where + sparse.values.name, sparse.values
            yield where + sparse.values.name + ".indices", sparse.indices
        for node in part.node:
            for attribute in node.attribute if node.op_type == "Constant" else ():
                if attribute.name == "value":
                    yield where + node.output[0], attribute.t


def dtype_of(element_type: int) -> str:
    """The name of an element type, as numpy writes it: "float32", "bfloat16", "float8e4m3fn"."""
    import onnx

    name = str(onnx.TensorProto.DataType.Name(element_type)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def element_count(tensor: Any) -> int:
    total = 1
    for size in tensor.dims:
        total *= size
    return int(total)


def byte_count(tensor: Any) -> int:
    """Text has its own length; raises WorkerFault COUNT_FAILED for an element type that is not known here."""
    name = dtype_of(tensor.data_type)
    if name == "string":
        return sum(map(len, tensor.string_data))
    if name not in _BITS:
        raise WorkerFault(
            "COUNT_FAILED",
            "how many bytes an element of type {} takes is not known".format(name),
            "export the model with weights of another type",
        )
    return (element_count(tensor) * _BITS[name] + 7) // 8


def is_weight(tensor: Any) -> bool:
    """Whether it is a parameter: of floats or few bits, and not a shape, an index or an axis (int64, bool, text)."""
    return dtype_of(tensor.data_type) not in ("int64", "int32", "bool", "string", "uint64", "uint32")


def sha256(graph: Any, folder: str) -> str:
    """Over all weights: names, types, shapes and bytes, in the order of the names. folder: of external data."""
    import onnx.external_data_helper

    total = hashlib.sha256()
    for name, tensor in sorted(tensors(graph), key=lambda item: item[0]):
        total.update("{}\0{}\0{}\0".format(name, dtype_of(tensor.data_type), list(tensor.dims)).encode())
        if tensor.HasField("data_location") and tensor.data_location == onnx.TensorProto.EXTERNAL:
            held = type(tensor)()
            held.CopyFrom(tensor)
            onnx.external_data_helper.load_external_data_for_tensor(held, folder)
            total.update(held.raw_data)
        else:
            total.update(tensor.raw_data or tensor.SerializeToString(deterministic=True))
    return total.hexdigest()


def inputs(graph: Any) -> List[Input]:
    """What a caller gives: the graph's inputs that no initialiser fills."""
    filled = {tensor.name for tensor in graph.initializer}
    found = []
    for value in graph.input:
        if value.name in filled:
            continue
        kind = value.type.tensor_type
        dims = [_size(dim) for dim in kind.shape.dim]
        dtype = dtype_of(kind.elem_type) if value.type.HasField("tensor_type") else "no tensor"
        found.append(Input(value.name, dtype, tuple(dims)))
    return found


def _size(dim: Any) -> Any:
    """Some exporters write -1 for what is open."""
    if dim.HasField("dim_value"):
        return int(dim.dim_value) if dim.dim_value > 0 else None
    return dim.dim_param or None


class Table(NamedTuple):
    input: str  # of the graph, whose integers are places in it
    entry_count: int
    element_count: int


def tables(graph: Any) -> List[Table]:
    """The tables of the file that inputs are looked up in, each once."""
    held = {name: tensor for name, tensor in tensors(graph) if not name[:1].isdigit()}
    origins = {given.name: given.name for given in inputs(graph)}
    found = {}  # type: Dict[Tuple[str, str], Table]
    for node in graph.node:
        if node.op_type == "Gather" and len(node.input) > 1 and node.input[0] in held:
            origin, table = origins.get(node.input[1]), held[node.input[0]]
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
            if origin is not None and -len(table.dims) <= axis < len(table.dims):
                key = (origin, node.input[0])
                found[key] = Table(origin, int(table.dims[axis]), element_count(table))
        elif node.op_type in _SAME_VALUES and node.output:
            origin = _single(origins, node.input)
            if origin is not None:
                origins[node.output[0]] = origin
    return list(found.values())


def _single(origins: Dict[str, str], names: Any) -> Optional[str]:
    """The one input that a value of these comes from."""
    found = {origins[name] for name in names if name in origins}
    return found.pop() if len(found) == 1 else None
