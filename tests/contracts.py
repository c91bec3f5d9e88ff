"""A contract for import-linter: private modules are imported inside their own room only."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output


def room(module: str) -> str:
    """Return the package that a private module belongs to: what stands before the part with an underscore."""
    parts = module.split(".")
    private = next((i for i, part in enumerate(parts) if part.startswith("_") and not part.endswith("__")), len(parts))
    return ".".join(parts[:private])


class PrivateModules(Contract):  # type: ignore[misc] # import-linter has no types
    """Holds where a module with an underscore is imported by modules of its own package alone."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find imports of private modules from outside their room."""
        broken = sorted(
            (importer, imported)
            for imported in graph.modules
            if room(imported) != imported
            for importer in graph.find_modules_that_directly_import(imported)
            if not f"{importer}.".startswith(f"{room(imported)}.")
        )
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print who imports what."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}: import from {room(imported)} instead")
