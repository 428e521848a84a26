"""Constant folding: computes everything that depends on the weights alone before a graph is written.

ONNX has few operations; it cannot solve linear equations, for example. Where such operations concern the
weights alone (the gain of a factor model, log Z), their result becomes a constant of the exported graph.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram


def folded(program: ExportedProgram) -> fx.GraphModule:
    """Returns the program with every node that does not depend on an input replaced by its value.

    Args:
        program: exported program.
    """
    module = program.module()
    assert isinstance(module, fx.GraphModule)
    values = constants(module)
    held = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    for i, (node, value) in enumerate(values.items()):
        # a computed constant becomes a buffer, which a second export accepts
        kept = node.op == "get_attr" and str(node.target) in held
        if kept or not isinstance(value, Tensor) or all(user in values for user in node.users):
            continue
        # store a transposed weight in its transposed layout
        module.register_buffer(f"folded_{i}", value.contiguous())
        with module.graph.inserting_before(node):
            node.replace_all_uses_with(module.graph.get_attr(f"folded_{i}"))
    for node in values:
        # assertions about constants already hold; they would keep the constant alive
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    module.recompile()
    return module


def constants(module: fx.GraphModule) -> dict[fx.Node, Any]:
    """Returns the values of all nodes that depend on the weights alone.

    Args:
        module: graph module of an exported program.
    """
    values: dict[fx.Node, Any] = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            value: Any = module
            for part in str(node.target).split("."):
                value = getattr(value, part)
            values[node] = value
        elif node.op == "call_function" and all(given in values for given in node.all_input_nodes):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            with torch.no_grad():
                values[node] = node.target(*args, **kwargs)
    return values
