"""Runs a scenario with airtape in a process of its own, as it was once run with wandb."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.oracle.normal_form import Blanks, Value, by_name, settled, told
from tests.oracle.reader import read

ORACLE = Path(__file__).parent
SCENARIOS = ORACLE / "scenarios"
EXPECTED = ORACLE / "expected"

LONGEST_RUN = 60
"""Seconds after which a scenario is taken to hang."""

COMPARED = ("error", "exit_status", "obs", "runs")

# The scenario is called in line 13, as in the tracebacks that were recorded.
_PROGRAM = """\
import importlib, importlib.util, json, sys, traceback
oracle, file, module, work, output = sys.argv[1:]
sys.path.insert(0, oracle)
sys.argv = [file]
from oracle_util import J

spec = importlib.util.spec_from_file_location("scenario", file)
scenario = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scenario)
result = {}
try:
    wandb = importlib.import_module(module)
    result["obs"] = J(scenario.scenario(wandb, work))
except BaseException as error:
    said = {"exc": type(error).__name__, "msg": str(error)[:2000]}
    result["error"] = said | {"tb": traceback.format_exc()[-3000:]}
    if isinstance(error, SystemExit) or getattr(scenario, "RERAISE", False):
        json.dump(result, open(output, "w"))
        raise
json.dump(result, open(output, "w"), default=str)
"""


@dataclass(frozen=True)
class Execution:
    """What came of a scenario.

    Attributes:
        result: What is compared, in normal form.
        stderr: What the process wrote there.
    """

    result: dict[str, Value]
    stderr: str


def scenario_names() -> list[str]:
    """Return the names of all scenarios."""
    return sorted(path.stem for path in SCENARIOS.glob("*.py"))


def expected_result(name: str) -> dict[str, Value]:
    """Return what wandb once did in a scenario."""
    result: dict[str, Value] = json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
    return by_name({part: result[part] for part in COMPARED})


def run_scenario(name: str, folder: Path, module: str = "airtape") -> Execution:
    """Run a scenario in an empty working directory, with an empty home.

    Args:
        name: The scenario.
        folder: Where both are made.
        module: The module that it uses as wandb.
    """
    work, home, output = folder / "work", folder / "home", folder / "result.json"
    work.mkdir(parents=True)
    home.mkdir()
    source = (SCENARIOS / f"{name}.py").read_text(encoding="utf-8")
    file = str(SCENARIOS / f"{name}.py")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(ORACLE), file, module, str(work), str(output)],
        check=False,
        cwd=work,
        env=_environment(home, _said_environment(source, work)),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=LONGEST_RUN,
    )
    seen = json.loads(output.read_text(encoding="utf-8"))
    runs = read(work)
    blanks = Blanks({work: "<TMP>", home: "<HOME>", ORACLE: "<ORACLE>"}, _random_ids(runs, source))
    result = {
        "error": blanks(seen.get("error")),
        "exit_status": done.returncode,
        "obs": blanks(seen.get("obs")),
        "runs": [blanks(told(run)) for run in runs],
    }
    return Execution(by_name(settled(result)), done.stderr.decode(errors="replace"))


def _environment(home: Path, said: Mapping[str, str | None]) -> dict[str, str]:
    own = ("WANDB", "TRACKER")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "WANDB_MODE": "offline",
        "WANDB_X_DISABLE_STATS": "true",
        "WANDB_ERROR_REPORTING": "false",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "200",
        "MPLBACKEND": "Agg",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(home.parent.parent),
    }
    for name, value in said.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _said_environment(source: str, work: Path) -> dict[str, str | None]:
    """Return the variables that a scenario asks for in its constant ``ENV``; None unsets one."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "ENV":
            said: dict[str, str | None] = ast.literal_eval(statement.value)
            return {k: v and v.replace("<TMP>", str(work)) for k, v in said.items()}
    return {}


def _random_ids(runs: list[dict[str, Any]], source: str) -> list[str]:
    """Return the ids of runs that the scenario did not choose itself."""
    ids = dict.fromkeys(str(run["run"]["run_id"]) for run in runs)
    return [
        run_id
        for run_id in ids
        if re.fullmatch("[a-z0-9]{8}", run_id) and not re.search(f"['\"]{run_id}['\"]", source)
    ]
