"""A program that forks while a thread of ours loads modules."""

from __future__ import annotations

from pathlib import Path

from tests.processes import RunPython

SLOW = """\
import builtins

builtins.is_loading.set()
builtins.is_forking.wait(30)
"""
FORKS_MEANWHILE = """
    import builtins
    import os
    import sys
    import threading

    from airtape.loading import loading

    sys.path.insert(0, os.getcwd())
    builtins.is_loading = threading.Event()
    builtins.is_forking = threading.Event()
    # Registered last, called first: the module is complete only when the fork has begun.
    os.register_at_fork(before=builtins.is_forking.set)

    def load():
        with loading():
            import slow

    thread = threading.Thread(target=load)
    thread.start()
    builtins.is_loading.wait(30)
    child = os.fork()
    if not child:
        import slow
        with loading():
            os._exit(7)
    _, status = os.waitpid(child, 0)
    thread.join()
    with loading():
        print(os.waitstatus_to_exitcode(status))
"""


def test_a_child_can_load_what_was_being_loaded(workdir: Path, run_python: RunPython) -> None:
    """The fork waits until the module is there: without, its child would wait for it for ever."""
    (workdir / "slow.py").write_text(SLOW)
    assert run_python(FORKS_MEANWHILE).stdout.split() == ["7"]
