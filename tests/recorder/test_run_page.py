"""The page of a run: what is on it, and that nothing of a run is taken for HTML."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import airtape
from airtape.page_reader import page_of_directory
from airtape.records import Kind
from airtape.run_page import MAX_CHARTS
from tests.recording import StartRun

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "<iframe src=javascript:alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "<style>@import 'http://example.org/x.css'</style>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<!--<script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<base href=//example.org>",
    '<meta http-equiv=refresh content="0;url=//example.org">',
    "<link rel=stylesheet href=//example.org/x.css>",
    "<object data=//example.org/x.swf>",
    "<embed src=//example.org/x.svg>",
    "<form action=//example.org><button>x",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<math><mtext><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07",
    "\x1b]52;c;YWxlcnQoMSk=\x07",
    "\x1b[31m<script>alert(1)</script>\x1b[0m",
    "\u202e<script>alert(1)</script>",
    "\ufeff<script>alert(1)</script>",
    "\u2028<script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<%= alert(1) %>",
    "=cmd|' /C calc'!A0",
    "`onclick=alert(1)`",
    "<sCrIpT>alert(1)</ScRiPt>",
    "<script/src=//example.org/x.js>",
    "<script\n>alert(1)</script\n>",
    "<img/src='x'/onerror=alert(1)>",
    "<x onclick=alert(1)>x",
    "<set attributeName=onload to=alert(1)>",
    "<animate onbegin=alert(1) attributeName=x>",
    "<foreignObject><body onload=alert(1)></foreignObject>",
    "<use href='data:image/svg+xml,<svg onload=alert(1)>'>",
]
"""Texts that would do something if any part of a page took them for HTML."""

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "span", "details", "summary"),
    *("table", "tr", "td", "div", "figure", "figcaption", "b", "svg", "path", "text", "circle"),
    *("pre", "p"),
}
ATTRIBUTES = {
    *("charset", "http-equiv", "content", "name", "class", "open", "lang", "viewbox", "role"),
    *("aria-label", "x", "y", "cx", "cy", "r", "d"),
}


class Elements(HTMLParser):
    """The elements and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_comment(self, data: str) -> None:
        """Take a comment, of which there are none."""
        self.elements.append(f"comment {data}")

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.text += data


def shown_page(run: airtape.Run) -> str:
    """Return the page that a frame holds."""
    found = re.fullmatch(
        r'<iframe srcdoc="([^"]*)" sandbox="" style="[^"]*"></iframe>', run.to_html()
    )
    assert found is not None
    return html.unescape(found[1])


def test_sixty_payloads_are_text(start_run: StartRun) -> None:
    """In name, notes, tags, config, metrics, summary, alerts, files, output."""
    assert len(PAYLOADS) == 60
    run = start_run(name=PAYLOADS[0], notes=" ".join(PAYLOADS[:20]), group=PAYLOADS[5][:60])
    run.tags = [payload[:60] for payload in PAYLOADS]
    run.config.update({payload: {"a": payload, payload: 1} for payload in PAYLOADS})
    for number, payload in enumerate(PAYLOADS):
        run.log({payload: number, f"{payload}/{payload}": number, "text": payload})
        run.alert(payload[:63], payload)
        run.define_metric(f"of {payload}", step_metric=payload)
        run.log({f"of {payload}": 1, payload: number})
    run.summary["all"] = PAYLOADS
    for payload in PAYLOADS[:10]:
        Path(run.dir, payload.replace("/", "_")).write_text("x")
    Path(run.dir, "output.log").write_text("\n".join(PAYLOADS))
    page = shown_page(run)
    found = Elements(page)
    assert set(found.elements) <= ELEMENTS
    assert found.attributes <= ATTRIBUTES
    assert found.elements.count("style") == 1
    assert "default-src 'none'" in page
    for payload in PAYLOADS[:5]:
        assert payload in found.text
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_page_has_what_a_run_is(start_run: StartRun) -> None:
    """Overview, config, summary, charts by section, alerts, files, output."""
    run = start_run(name="lion", notes="first", tags=["a"], config={"model": {"depth": 3}})
    run.define_metric("hidden", hidden=True)
    run.define_metric("val/acc", step_metric="epoch")
    for step in range(5):
        run.log({"loss": 1 / (step + 1), "hidden": step, "val/acc": step / 5, "epoch": step})
    run.alert("Title", "text")
    Path(run.dir, "output.log").write_text("line\n\x1b[31mred\x1b[0m\n")
    page = shown_page(run)
    for name in ("Run path", "Description", "Privacy", "Tags", "State", "Start time", "Runtime"):
        assert f"<td>{name}</td>" in page
    assert "<td>model.depth</td><td>3</td>" in page
    assert "<td>hidden</td><td>4</td>" in page
    assert re.findall(r'aria-label="([^"]+)"', page) == [
        "epoch over step",
        "loss over step",
        "val/acc over epoch",
    ]
    assert re.findall(r"<summary>([^<]+)</summary>", page) == ["metrics (2)", "val (1)"]
    assert "Title: text" in page
    assert "<pre>line\nred</pre>" in page
    assert "<td>output.log</td>" in page


def test_what_was_measured_of_the_machine_is_drawn(run: airtape.Run) -> None:
    """Over the time of the run."""
    log = run._log  # noqa: SLF001 - as the thread that measures records
    log.record(Kind.SYSTEM, {"system.cpu": 12.5, "system.name": "text"})
    assert re.findall(r'aria-label="([^"]+)"', shown_page(run)) == ["system.cpu over seconds"]


def test_many_metrics_are_shown_in_part(run: airtape.Run) -> None:
    """A page with thousands of charts could not be looked at."""
    run.log({f"m{number:04}": number for number in range(MAX_CHARTS + 7)})
    page = shown_page(run)
    assert page.count("<svg") == MAX_CHARTS
    assert "<p>and 7 more</p>" in page


def test_output_is_shown_from_its_end(run: airtape.Run) -> None:
    """The last lines, whole ones; nothing that a link points to."""
    output = Path(run.dir, "output.log")
    output.write_text("".join(f"line {number}\n" for number in range(10_000)))
    shown = re.findall(r"line \d+", shown_page(run))
    assert shown[-1] == "line 9999"
    assert 1000 < len(shown) < 5000
    secret = Path(run.sync_dir, "elsewhere")
    secret.write_text("secret")
    output.unlink()
    output.symlink_to(secret)
    assert "secret" not in shown_page(run)


def test_a_disabled_run_has_a_page_too() -> None:
    """With what it shows of itself."""
    run = airtape.init(mode="disabled", config={"lr": 0.1})
    run.log({"loss": 0.5})
    page = shown_page(run)
    run.finish()
    assert "<td>lr</td><td>0.1</td>" in page
    assert "<td>loss</td><td>0.5</td>" in page


def test_damage_is_said(run: airtape.Run) -> None:
    """The rest is shown."""
    run.log({"loss": 1})
    run.log({"loss": 2})
    run.finish()
    [log] = Path(run.sync_dir).glob("*.txlog")
    content = bytearray(log.read_bytes())
    content[content.index(b"loss") + 2] ^= 0xFF
    log.write_bytes(content)
    page = page_of_directory(Path(run.sync_dir))
    assert "Problems" in page
    assert "loss over step" in page


def test_a_page_where_nothing_can_be_read_says_so(tmp_path: Path) -> None:
    """A notebook goes on."""
    page = page_of_directory(tmp_path)
    assert "unknown" in page
