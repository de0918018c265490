"""Two import contracts that know the shape of a room, for .importlinter.

A room holds `service`, `store` and `model`; a service or store that outgrows its file goes on in
`service_<what>` or `store_<what>`. Every other module is a file of decisions, under whatever name.
So a new file is pure and sits between store and model without being listed.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import Layer, LayersContract, ModuleTail
from importlinter.domain import fields
from importlinter.domain.contract import ContractCheck
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import ModuleExpression

IMPURE = ("service", "store")


def tier_of(tail: str) -> str:
    """Which layer of a room a module belongs to, by its name: service, store, model, decisions."""
    for tier in IMPURE:
        if tail == tier or tail.startswith(f"{tier}_"):
            return tier
    return "model" if tail == "model" else "decisions"


def modules_of_rooms(graph: ImportGraph, rooms: list[ModuleExpression]) -> set[str]:
    """Full names of the modules directly inside each room."""
    found = module_expressions_to_modules(graph, rooms)
    return {child for room in found for child in graph.find_children(room.name)}


class RoomShape(LayersContract):
    """Layers inside each container: service, store, decisions (every other module), model.

    Decisions may import each other; the contract against cycles orders them.
    """

    type_name = "room_shape"

    layers = fields.ListField(subfield=fields.StringField(), required=False)

    def validate(self) -> None:
        """Nothing to validate: the layers come from the graph."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Set the layers from the modules found, then check them as layers."""
        tails = {m.rpartition(".")[2] for m in modules_of_rooms(graph, list(self.containers))}
        stack = [
            {tail for tail in tails if tier_of(tail) == tier}
            for tier in ("service", "store", "decisions", "model")
        ]
        self.layers = [
            Layer({ModuleTail(tail, is_optional=True) for tail in tier}, is_independent=False)
            for tier in stack
            if tier
        ]
        return super().check(graph, verbose)


class Purity(ForbiddenContract):
    """Forbidden imports for every module of a room but `service` and `store`.

    source_modules  further modules that must be pure
    """

    type_name = "purity"

    containers = fields.ListField(subfield=fields.ModuleExpressionField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Add the rooms' pure modules to the sources, then check them as forbidden imports."""
        pure = {
            ModuleExpression(module)
            for module in modules_of_rooms(graph, list(self.containers))
            if tier_of(module.rpartition(".")[2]) not in IMPURE
        }
        self.source_modules = set(self.source_modules) | pure
        return super().check(graph, verbose)
