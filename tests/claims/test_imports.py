"""Claims are written in the vocabulary, beside the study of their paper."""

import ast

from tests.project import ROOT

ROOMS = ("harness", "harness.data", "harness.design", "harness.expression", "harness.stats")  # where things are added


def test_claims_import_the_vocabulary_and_studies():
    """A claim imports `harness` or a room that it can add to, its folder, studies of others, what Python has."""
    for path in sorted(path for place in ("claims", "candidates") for path in (ROOT / place).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.startswith("harness"):
                assert node.module in ROOMS, path
            elif isinstance(node, ast.ImportFrom) and node.level == 2:
                assert all("study" in f"{node.module}.{name}" for name in names), path
            else:
                assert not any(name.startswith(("harness", "claims", "candidates")) for name in names), path
