from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
"""The path of a link that stays in the repository; one with a colon leads elsewhere."""

PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in the documentation names a file or folder that exists."""
    broken = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/*.md")]
        for path in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / path).exists()
    ]
    assert broken == []


def test_programs_in_the_documentation_are_programs() -> None:
    """Every example in Python can be compiled; the signatures of API.md are no programs."""
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        if page.name != "API.md":
            for text in PROGRAM.findall(page.read_text(encoding="utf-8")):
                compile(text, str(page), "exec")
