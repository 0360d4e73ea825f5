from __future__ import annotations

import pytest

import airtape
from tests.recording import StartRun


def test_lines_of_a_program_look_like_the_recorders(capsys: pytest.CaptureFixture[str]) -> None:
    """Also without a run; what a terminal would obey is left out."""
    airtape.termlog("hello\x1b[2J")
    airtape.termwarn("careful")
    airtape.termerror("wrong")
    said = "airtape: hello[2J\nairtape: WARNING careful\nairtape: ERROR wrong\n"
    assert capsys.readouterr().err == said


def test_a_line_is_not_repeated_when_it_shall_not_be(capsys: pytest.CaptureFixture[str]) -> None:
    """By default it is; a warning is another line than an error of the same text."""
    for _ in range(2):
        airtape.termwarn("once", repeat=False)
        airtape.termlog("each time")
    airtape.termerror("once", repeat=False)
    said = capsys.readouterr().err
    assert said.count("WARNING once") == 1
    assert said.count("each time") == 2
    assert said.count("ERROR once") == 1


def test_a_quiet_run_keeps_programs_quiet(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings are written; of a silent run nothing is."""
    start_run(reinit=True, settings={"quiet": True})
    airtape.termlog("hello")
    airtape.termwarn("careful")
    start_run(reinit=True, settings={"silent": True})
    airtape.termerror("wrong")
    assert capsys.readouterr().err == "airtape: WARNING careful\n"
