from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def test_every_test_says_in_one_line_what_holds() -> None:
    """Every test has a docstring of exactly one line that ends with a full stop."""
    wanting = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            said = ast.get_docstring(node) or ""
            if node.name.startswith("test_") and ("\n" in said or not said.endswith(".")):
                wanting.append(f"{path.relative_to(TESTS)}:{node.lineno} {node.name}")
    assert wanting == []
