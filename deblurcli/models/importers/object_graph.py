"""The names of the variables in a checkpoint of TensorFlow 2, whose tensors are only numbered.

Source: TensorFlow, `core/protobuf/trackable_object_graph.proto`. Such a checkpoint holds the graph of the Python
objects that it was made of, as a protobuf in a string tensor; each variable there has its own name and its tensor's.
"""

from __future__ import annotations

from deblurcli.errors import WeightsDamaged
from deblurcli.models.importers.leveldb_table import MalformedTableError
from deblurcli.models.importers.tensor_bundle import AGAIN, Bundle, parse_message, read_string

TENSOR = "_CHECKPOINTABLE_OBJECT_GRAPH"
NODES, ATTRIBUTES, FULL_NAME, CHECKPOINT_KEY = 1, 2, 2, 3  # the numbers of the fields


def variable_names(bundle: Bundle) -> dict[str, str]:
    """Name of the tensor -> name of the variable, for those that have one.

    Raises:
        WeightsUnavailable: if the data file is missing or cannot be opened.
        WeightsDamaged: if there is no graph of objects, or it is damaged.
    """
    index = bundle.files[0]
    if TENSOR not in bundle.entries:
        raise WeightsDamaged(f"{index}: tensor {TENSOR} is missing, which names all others; {AGAIN}")
    names = {}
    try:
        for node in parse_message(read_string(bundle, TENSOR))[1].get(NODES, []):
            for attribute in parse_message(node)[1].get(ATTRIBUTES, []):
                fields = parse_message(attribute)[1]
                if FULL_NAME in fields and CHECKPOINT_KEY in fields:
                    names[fields[CHECKPOINT_KEY][-1].decode()] = fields[FULL_NAME][-1].decode()
    except (MalformedTableError, UnicodeDecodeError):
        raise WeightsDamaged(f"{index}: tensor {TENSOR} is not a graph of objects; {AGAIN}") from None
    return names
