"""How the page of a run looks; light or dark as the reader's system is."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1f2328;--dim:#656d76;--line:#d8dee4;--curve:#1f6feb}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#8d96a0;--line:#30363d;--curve:#58a6ff}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);margin:16px;max-width:1100px}
h1{font-size:20px;margin:0 0 12px}h2{font-size:15px;margin:14px 0 4px;color:var(--ink)}
summary h2{display:inline-block;margin:6px 0 2px}
table{border-collapse:collapse}
td{padding:1px 16px 1px 0;vertical-align:top;overflow-wrap:anywhere}
td:first-child{color:var(--dim);min-width:9em}
.state{font-size:12px;font-weight:normal;padding:1px 8px;border-radius:9px;border:1px solid}
.finished{color:#1a7f37}.running{color:#0969da}.failed,.crashed{color:#d1242f}
.preempted,.killed{color:#9a6700}.unknown{color:var(--dim)}
summary{cursor:pointer;color:var(--dim);margin:6px 0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:12px}
figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:6px}
figcaption{display:flex;justify-content:space-between;gap:8px;font-size:12px;overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block}svg text{font-size:10px;fill:var(--dim)}
.y{text-anchor:end}.x,.axis{text-anchor:middle}
path{fill:none}.rule{stroke:var(--line)}.base{stroke:var(--dim)}
.line{stroke:var(--curve);stroke-width:1.5;stroke-linejoin:round}.dot{fill:var(--curve)}
pre{border:1px solid var(--line);border-radius:6px;padding:8px;font-size:12px}
pre{overflow:auto;max-height:360px}
""".replace("\n", "")
