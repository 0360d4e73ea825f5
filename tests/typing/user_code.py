"""Ordinary code of a user, for type checkers; nobody runs it.

What a checker has to refuse bears a comment that lets it pass; one that is not needed is an error.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import airtape as wandb
from airtape import Run, Settings


@dataclass
class Hyperparameters:
    """A config as an object."""

    lr: float = 0.1
    layers: int = 2


def train(run: Run, epochs: int = 3) -> float:
    """Log what a training logs."""
    loss = 1.0
    run.define_metric("epoch", hidden=True)
    metric = run.define_metric("loss", step_metric="epoch", summary="min,mean", goal="minimize")
    name: str = metric.name
    for epoch in range(epochs):
        loss /= 2
        run.log({"epoch": epoch, name: loss, "eval": {"acc": 0.5}}, step=epoch, commit=True)
    return loss


def main(arguments: list[str]) -> None:
    """Start runs in all the usual ways."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    options = parser.parse_args(arguments)

    with wandb.init(
        project="digits",
        dir=Path("runs"),
        config=vars(options),
        tags=("a", "b"),
        resume="allow",
        id="job-1",
        settings=Settings(quiet=True),
    ) as run:
        best: float = train(run)
        run.summary["best"] = best
        run.summary.update({"nested": {"best": best}})
        run.config.update({"lr": 0.2}, allow_val_change=True)
        run.tags += ["baseline"]
        run.tags += ("second",)
        run.name = "first"
        run.notes = None
        run.alert("done", f"{best:.3f}", level="INFO", wait_duration=timedelta(minutes=5))
        run.alert("done", "again", level=wandb.AlertLevel.WARN, wait_duration=300)
    after: float = best
    print(after)

    other: Run = wandb.init(config=options, mode="offline", reinit="finish_previous")
    learning_rate: Any = other.config.lr
    print(learning_rate, other.config["lr"], dict(other.config), other.summary.get("loss"))
    facts: tuple[str, str, str, str | None] = (other.id, other.path, other.dir, other.url)
    numbers: tuple[int, int, float] = (other.step, other.starting_step, other.start_time)
    flags: tuple[bool, bool, bool] = (other.resumed, other.offline, other.disabled)
    print(facts, numbers, flags, other.settings.project, list(other.tags))
    other.mark_preempting()
    other.finish(exit_code=0)

    wandb.init(config=Hyperparameters(), mode="disabled", settings={"silent": True})
    wandb.log({"loss": 0.5})
    wandb.define_metric("*", step_metric="epoch")
    wandb.alert("title", text="text")
    wandb.save("*.pt", policy="now")
    if wandb.run is not None:
        wandb.run.log({"a": 1}, commit=False)
    wandb.config.update({"b": 1})
    wandb.summary["c"] = 2
    wandb.finish()


def react(error: Exception) -> str:
    """Tell errors apart."""
    if isinstance(error, wandb.UsageError):
        return error.hint or error.what
    if isinstance(error, wandb.Error | ValueError):
        return str(error)
    return "unknown"


def compare() -> None:
    """Read what was recorded."""
    for run in wandb.Api("wandb").runs(filters={"config.lr": 0.1}):
        print(run.id, run.name, run.state, run.summary["loss"], run.config["lr"])
        for row in run.scan_history(keys=["loss"]):
            print(row["loss"])


def mistakes(run: Run) -> None:
    """What checkers refuse."""
    wandb.init(projct="digits")  # type: ignore[call-arg]
    wandb.init(mode="sometimes")  # type: ignore[arg-type]
    run.log("loss", 0.5)  # type: ignore[arg-type]
    run.log({"loss": 0.5}, step="1")  # type: ignore[arg-type]
    wandb.alert("title")  # type: ignore[call-arg]
    run.id = "x"  # type: ignore[misc]
    run.nmae = "x"  # type: ignore[attr-defined]
    run.finish(exit_code="0")  # type: ignore[arg-type]
