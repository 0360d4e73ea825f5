from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
"""The path of a link that stays in the repository; one with a colon leads elsewhere."""


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in the documentation names a file or folder that exists."""
    broken = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/*.md")]
        for path in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / path).exists()
    ]
    assert broken == []
