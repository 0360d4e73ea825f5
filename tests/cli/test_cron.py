"""`tracker cron`: what it prints runs as it stands, and brings the runs."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.errors import UsageError
from airtape.schedules.crontab import LONGEST, crontab_line
from airtape.schedules.job import SyncJob, span_text
from airtape.schedules.systemd import systemd_units, unit_name
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER

ODD = 'it\'s 100% "odd" $HOME; rm -rf \\ é'
"""A folder's name that shells, cron and systemd all obey if it is not quoted."""


SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOBID": "7",
    "SLURM_JOB_NAME": "it's 100%",
    "SLURM_JOB_USER": "me",
    "SLURM_JOB_NODELIST": "node[1-2]",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "1",
    "SLURM_NTASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_SCRIPT_CONTEXT": "epilog_task",
    "SLURM_STEP_ID": "0",
    "SLURM_SUBMIT_DIR": "/nonexistent",
    "SLURM_TASK_PID": "1",
    "SLURMD_NODENAME": "node2",
}
"""What is set where Slurm runs an epilogue of a task."""


@pytest.fixture
def lab(wandb: Path) -> str:
    """A target that has a name here."""
    (wandb / "settings").write_text("[targets]\nlab = sqlite:lab.db\n")
    return "lab"


def _held(tracker_json: Callable[..., Any]) -> int:
    """Return how many runs the target lacks."""
    return len(tracker_json("status", "--to", "lab")["targets"][0]["waiting"])


def _command_of(line: str) -> str:
    """Return what cron hands to the shell."""
    fields, _, command = line.partition(" cd ")
    assert len(fields.split()) == 5
    return "cd " + command.replace("\\%", "%")


def _by_cron(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as cron does: by ``sh``, with next to no environment, from the home."""
    environment = {name: os.environ[name] for name in ("HOME",)}
    return subprocess.run(
        ["/bin/sh", "-c", _command_of(line)],
        env={**environment, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(90)
def test_the_line_runs_as_it_is_printed(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, lab: str
) -> None:
    """It says nothing when all is well, so that cron sends no mail; and is quick to come again."""
    make_run()
    line = tracker("cron", "--to", lab).stdout
    assert line.startswith("*/5 * * * * cd ")
    assert "--deadline 5m --quiet" in line
    done = _by_cron(line.rstrip("\n"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _held(tracker_json) == 0
    assert _by_cron(line.rstrip("\n")).returncode == 0


@pytest.mark.timeout(90)
def test_odd_names_reach_the_command_as_they_are(
    tracker: Tracker, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the working directory and of the runs; and patterns are not expanded."""
    place = workdir / ODD
    for name in ("a", "b"):
        logs.write_log(
            logs.run_dir_of(place / name / "wandb", name),
            logs.ended(),
            run_id=name,
            writer=name.encode() * 16,
        )
    monkeypatch.chdir(place)
    line = tracker("cron", f"{glob_free(place)}/*/wandb", "--to", "sqlite:lab.db").stdout
    done = _by_cron(line.rstrip("\n"))
    assert (done.returncode, done.stderr) == (0, "")
    tracker("status", f"{glob_free(place)}/*/wandb", "--to", "sqlite:lab.db")
    assert (place / "lab.db").exists()
    environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin"}
    (place / "lab.db").unlink()
    script = tracker("cron", f"{glob_free(place)}/*/wandb", "--to", "sqlite:lab.db", "--slurm")
    subprocess.run(["/bin/sh", "-c", script.stdout], check=True, env=environment, cwd="/")
    assert (place / "lab.db").exists()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("started", [[str(TRACKER)], [sys.executable, "-m", "airtape_cli"]])
def test_no_module_of_the_working_directory_is_imported(
    workdir: Path, make_run: MakeRun, lab: str, started: list[str]
) -> None:
    """Which may have the name of one that is needed, of Python's or of somebody else's."""
    make_run()
    line = subprocess.run(
        [*started, "cron", "--to", lab], capture_output=True, text=True, check=True
    ).stdout.rstrip("\n")
    for name in ("queue", "click", "airtape"):
        (workdir / f"{name}.py").write_text("raise SystemExit('a module of the user')")
    done = _by_cron(line)
    assert (done.returncode, done.stderr) == (0, "")
    assert (workdir / "lab.db").exists()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("kind", [[], ["--systemd"], ["--slurm"]])
def test_paths_that_are_no_text_are_printed_to_the_letter(workdir: Path, kind: list[str]) -> None:
    """File systems take any bytes as a name."""
    folder = os.fsencode(workdir) + b"/\xff"
    os.mkdir(folder)  # noqa: PTH102 - bytes
    command = [str(TRACKER), "cron", "--to", "sqlite:lab.db", *kind]
    said = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
    assert said.count(folder) == 2
    assert folder + b"/wandb" in said


@pytest.mark.timeout(90)
def test_a_home_that_cannot_be_used_is_no_obstacle(
    tracker: Tracker, make_run: MakeRun, workdir: Path, lab: str
) -> None:
    """Where nodes have none, or the variable is not set; nothing is world-writable either."""
    make_run()
    script = tracker("cron", "--to", lab, "--slurm").stdout
    for home in ({}, {"HOME": "/nonexistent"}, {"HOME": "/proc"}):
        done = subprocess.run(
            ["/bin/sh", "-c", f"umask 0; {script}"],
            env={"PATH": "/usr/bin:/bin", **home},
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout + done.stderr == ""
        store = workdir / "lab.db"
        assert not store.stat().st_mode & 0o002
        store.unlink()


def test_what_is_set_here_only_is_told(
    tracker: Tracker, lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, beside the line; an epilogue runs with the environment of the job."""
    assert tracker("cron", "--to", lab).stderr == ""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    result = tracker("cron", "--to", lab)
    assert result.stderr == "Note: set here, and not where this will run: XDG_CONFIG_HOME\n"
    assert result.stdout.count("\n") == 1
    stderr = tracker("cron", "--to", "postgresql://db/runs", "--systemd").stderr
    assert stderr.endswith(": XDG_CONFIG_HOME, PGPASSWORD\n")
    assert tracker("cron", "--to", lab, "--slurm").stderr == ""


def glob_free(path: Path) -> str:
    """Return a path that stands for itself in a pattern."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def test_something_wrong_goes_to_stderr(tracker: Tracker, make_run: MakeRun, lab: str) -> None:
    """Which cron sends by mail."""
    (make_run() / "run-ab12cd34.txlog").write_text("no log")
    done = _by_cron(tracker("cron", "--to", lab).stdout.rstrip("\n"))
    assert done.returncode == 3
    assert "this is no transaction log" in done.stderr


def _shell_gives_up(pattern: str) -> bool:
    shell = subprocess.run(
        ["/bin/sh", "-c", f"/bin/ls -d {pattern}"], capture_output=True, text=True, check=False
    )
    return "too long" in shell.stderr


@pytest.mark.timeout(90)
def test_patterns_may_match_more_than_fits_on_a_command_line(
    tracker: Tracker, tracker_json: Callable[..., Any], workdir: Path, lab: str
) -> None:
    """The shell itself gives up, what is printed does not."""
    top = workdir.joinpath(*["d" * 250] * 10)
    for number in range(1000):
        (top / f"p{number}").mkdir(parents=True, exist_ok=True)
    log = logs.write_log(logs.run_dir_of(top / "p5/wandb"), logs.ended())
    assert _shell_gives_up(f"{top}/*")
    script = tracker("cron", f"{top}/*", "--to", lab, "--slurm").stdout
    environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", "-c", script], check=True, env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    said = tracker_json("status", str(log.parent), "--to", lab)
    assert said["targets"][0]["waiting"] == []


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_crontab_line_for_forty_thousand_directories(
    tracker: Tracker, tracker_json: Callable[..., Any], workdir: Path, lab: str
) -> None:
    """Too many for a command line; it takes as long as looking at each."""
    top = workdir / "scratch"
    for number in range(40_000):
        (top / f"a-project-with-rather-a-long-name-so-that-it-adds-up-{number:05d}").mkdir(
            parents=True
        )
    log = logs.write_log(logs.run_dir_of(top / "project/wandb"), logs.ended())
    assert _shell_gives_up(f"{top}/*")
    done = _by_cron(tracker("cron", f"{top}/*", "--to", lab).stdout.rstrip("\n"))
    assert (done.returncode, done.stderr) == (0, "")
    said = tracker_json("status", str(log.parent), "--to", lab)
    assert said["targets"][0]["waiting"] == []


@pytest.mark.parametrize(
    ("every", "fields"),
    [
        ("1m", r"\* \* \* \* \*"),
        ("10m", r"\*/10 \* \* \* \*"),
        ("1800s", r"\*/30 \* \* \* \*"),
        ("1h", r"\d+ \* \* \* \*"),
        ("6h", r"\d+ \*/6 \* \* \*"),
        ("1d", r"\d+ \d+ \* \* \*"),
    ],
)
def test_intervals(tracker: Tracker, lab: str, every: str, fields: str) -> None:
    """Those that divide an hour or a day."""
    assert re.match(f"{fields} cd ", tracker("cron", "--to", lab, "--every", every).stdout)


@pytest.mark.parametrize("every", ["7m", "90s", "5h", "2d", "45m"])
def test_intervals_that_cron_has_no_words_for(tracker: Tracker, lab: str, every: str) -> None:
    """Systemd takes them."""
    stderr = tracker("cron", "--to", lab, "--every", every, exit_code=2).stderr
    assert f"cron has no words for every {every}" in stderr
    assert "OnUnitActiveSec=" in tracker("cron", "--to", lab, "--every", every, "--systemd").stdout


def test_what_cannot_be_a_schedule(tracker: Tracker, lab: str, workdir: Path) -> None:
    """Targets that nobody knows, passwords, no time at all, lines without end."""
    tracker("cron", "--to", "nobody", exit_code=2)
    url = "postgresql://me:hunter2@db/runs"
    result = tracker("cron", "--to", url, exit_code=2)
    assert "hunter2" not in result.output
    assert "password does not belong" in result.stderr
    tracker("cron", "--to", lab, "--every", "0s", exit_code=2)
    stderr = tracker(
        "cron", *[f"a{number}" * 9 for number in range(99)], "--to", lab, exit_code=2
    ).stderr
    assert "too long for cron" in stderr
    tracker("cron", "a\nb", "--to", lab, exit_code=2)
    tracker("cron", "--to", lab, "-o", str(workdir), exit_code=2)
    tracker("cron", "--to", lab, "--slurm", "-o", "wandb/settings", exit_code=4)


def test_a_line_fits(lab: str) -> None:
    """Up to what every cron takes."""
    job = SyncJob(["tracker"], "/", ["x"], lab, 300)
    room = LONGEST - len(crontab_line(job).encode()) + 1
    assert len(crontab_line(job._replace(paths=["x" * room]))) == LONGEST
    with pytest.raises(UsageError, match="too long"):
        crontab_line(job._replace(paths=["x" * (room + 1)]))
    assert [span_text(seconds) for seconds in (90, 300, 7200, 172_800)] == ["90s", "5m", "2h", "2d"]


@pytest.mark.timeout(60)
def test_systemd_takes_the_units(
    tracker: Tracker,
    tracker_json: Callable[..., Any],
    make_run: MakeRun,
    workdir: Path,
    lab: str,
) -> None:
    """They are valid where systemd can tell, and the service's command brings the runs."""
    make_run()
    stdout = tracker("cron", "--to", lab, "--systemd", "-o", "units").stdout
    assert "systemctl --user enable --now airtape-sync-lab.timer" in stdout
    assert "loginctl enable-linger" in stdout
    files = sorted((workdir / "units").iterdir())
    assert [path.name for path in files] == ["airtape-sync-lab.service", "airtape-sync-lab.timer"]
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *files],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{workdir / 'units'}:"},
        )
        assert "airtape-sync" not in done.stderr
        assert done.returncode == 0
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(files[0])
    service = parser["Service"]
    assert service["SuccessExitStatus"] == "5 6"
    subprocess.run(
        [*_split(service["ExecStart"])],
        check=True,
        cwd=service["WorkingDirectory"],
        env={"HOME": os.environ["HOME"]},
    )
    assert _held(tracker_json) == 0


def _split(command: str) -> list[str]:
    """Split a command as systemd does, each argument of which stands in quotes."""
    return [
        json.loads(part).replace("$$", "$").replace("%%", "%")
        for part in re.findall(r'"(?:[^"\\]|\\.)*"', command)
    ]


@pytest.mark.parametrize("folder", ["/ends with \\", "/ends with ", "/ends with\t"])
def test_folders_that_systemd_would_take_for_others(folder: str) -> None:
    """Are refused; cron takes them."""
    job = SyncJob(["/bin/true"], folder, ["x"], "lab", 300)
    with pytest.raises(UsageError, match="systemd"):
        systemd_units(job)
    assert shlex.quote(folder) in crontab_line(job)


def test_systemd_replaces_nothing_in_the_command(workdir: Path) -> None:
    """Whatever stands in names; the units are printed with the names of their files."""
    job = SyncJob(["/bin/true"], "/a 100%", [ODD, "%h", "$HOME", "${X}"], "sqlite:/x y.db", 90)
    assert unit_name(job) == "airtape-sync-sqlite-x-y.db"
    service, timer = systemd_units(job).values()
    (command,) = re.findall(r"ExecStart=(.*)", service)
    assert _split(command) == job.arguments
    assert "WorkingDirectory=/a 100%%\n" in service
    assert "OnUnitActiveSec=90\n" in timer
    if shutil.which("systemd-analyze"):
        for name, text in systemd_units(job).items():
            (workdir / name).write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", workdir / f"{unit_name(job)}.service"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "airtape-sync" not in done.stderr.replace("/a 100%", "")


@pytest.mark.timeout(90)
def test_the_epilogue_runs_as_it_is_printed(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, workdir: Path, lab: str
) -> None:
    """For many tasks at once; a failure does not take the node out of service."""
    run_dir = make_run()
    stdout = tracker("cron", "--to", lab, "--every", "1m", "--slurm", "-o", "bin").stdout
    script = workdir / stdout.strip()
    assert script.name == "airtape-sync-lab.sh"
    assert script.stat().st_mode & 0o777 == 0o755
    environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", **SLURM}
    tasks = [subprocess.Popen([script], env=environment, cwd="/") for _ in range(4)]
    assert [task.wait(timeout=30) for task in tasks] == [0] * 4
    assert _held(tracker_json) == 0
    (run_dir / "run-ab12cd34.txlog").write_text("no log")
    assert subprocess.run([script], check=False, env=environment, cwd="/").returncode == 0
    shutil.rmtree(workdir / "wandb")
    assert subprocess.run([script], check=False, env=environment, cwd="/").returncode == 0


def test_units_are_printed_one_after_the_other(tracker: Tracker, lab: str) -> None:
    """Each below the name of its file."""
    stdout = tracker("cron", "--to", lab, "--systemd").stdout
    assert re.findall(r"^# (.*)$", stdout, re.MULTILINE) == [
        "airtape-sync-lab.service",
        "airtape-sync-lab.timer",
    ]


def test_a_single_file_program_is_started_by_its_own_path(
    tracker: Tracker, lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is installed."""
    monkeypatch.setattr("sys.argv", ["/opt/tracker.pyz", "cron"])
    assert " /opt/tracker.pyz sync --to lab " in tracker("cron", "--to", lab).stdout
