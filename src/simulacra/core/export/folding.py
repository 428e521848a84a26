"""What depends on the weights alone is computed once, before a graph is written.

A graph format knows few operations, and solving linear equations is none of ONNX's. Where these concern
the weights alone (the gain of a factor model, log Z) their result is a constant of the exported graph.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram


def folded(program: ExportedProgram) -> fx.GraphModule:
    """The program with every node that no input reaches replaced by its value."""
    module = program.module()
    assert isinstance(module, fx.GraphModule)
    values = constants(module)
    held = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    for i, (node, value) in enumerate(values.items()):
        # a constant that is no weight is made a buffer, which another export takes
        kept = node.op == "get_attr" and str(node.target) in held
        if kept or not isinstance(value, Tensor) or all(user in values for user in node.users):
            continue
        # a weight that is only turned around is kept turned
        module.register_buffer(f"folded_{i}", value.contiguous())
        with module.graph.inserting_before(node):
            node.replace_all_uses_with(module.graph.get_attr(f"folded_{i}"))
    for node in values:
        # what is asserted of a constant holds now, and would keep it
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    module.recompile()
    return module


def constants(module: fx.GraphModule) -> dict[fx.Node, Any]:
    """The values of the nodes that depend on weights alone."""
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
