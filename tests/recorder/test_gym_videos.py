"""Videos that gymnasium or gym records, in a run: with packages of the same shape."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import airtape
from airtape.after_import import AfterImport
from tests.recording import StartRun, recorded

NEW = """
    import os
    import pathlib

    class RecordVideo:
        def __init__(self, video_folder):
            self.video_folder, self._video_name, self.frames = video_folder, None, 0

        def record(self, name):
            self._video_name, self.frames = name, 1

        def stop_recording(self):
            "Write the video."
            if self.frames:
                path = os.path.join(self.video_folder, f"{self._video_name}.mp4")
                pathlib.Path(path).write_text("film " + self._video_name)
            self._video_name = None
            return "stopped"
"""
OLD = """
    import pathlib

    class VideoRecorder:
        def __init__(self, path):
            self.path = path

        def close(self):
            pathlib.Path(self.path).write_text("film " + self.path)
            return "stopped"
"""
SHAPES = {
    "gymnasium.wrappers.rendering": NEW,
    "gymnasium.wrappers.monitoring.video_recorder": OLD,
    "gym.wrappers.monitoring.video_recorder": OLD,
}


@pytest.fixture(params=SHAPES)
def module(
    request: pytest.FixtureRequest, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The name of a module that records videos; it can be imported."""
    name: str = request.param
    place = workdir / "packages" / f"{name.replace('.', '/')}.py"
    place.parent.mkdir(parents=True)
    place.write_text(dedent(SHAPES[name]))
    monkeypatch.syspath_prepend(workdir / "packages")
    yield name
    for loaded in [it for it in sys.modules if it.split(".")[0] == name.split(".", maxsplit=1)[0]]:
        del sys.modules[loaded]


def record(module: str, name: str) -> object:
    """Record a video as the module does it, and return what its method returns."""
    loaded: Any = importlib.import_module(module)
    Path("film").mkdir(exist_ok=True)
    if "rendering" in module:
        recorder = loaded.RecordVideo("film")
        recorder.record(name)
        return recorder.stop_recording()
    return loaded.VideoRecorder(f"film/{name}.mp4").close()


@pytest.mark.parametrize("imported", ["before", "after"])
def test_videos_are_kept(module: str, imported: str, start_run: StartRun) -> None:
    """As soon as they are written; the library may be imported before the run begins or after."""
    if imported == "before":
        importlib.import_module(module)
    run = start_run(monitor_gym=True)
    assert record(module, "one") == "stopped"
    assert Path(run.dir, "film/one.mp4").read_text().startswith("film ")
    assert recorded(run).fold.files["film/one.mp4"]["policy"] == "now"
    loaded = importlib.import_module(module)
    assert loaded.__spec__ is not None
    assert type(loaded.__spec__.loader).__name__ == "SourceFileLoader"


def test_each_run_has_its_own(module: str, start_run: StartRun) -> None:
    """What is recorded after a run has ended is not its; no run asks twice."""
    first = start_run(monitor_gym=True)
    record(module, "one")
    first.finish()
    record(module, "none")
    second = start_run(monitor_gym=True)
    record(module, "two")
    second.finish()
    assert [*recorded(first).fold.files] == ["film/one.mp4"]
    assert [*recorded(second).fold.files] == ["film/two.mp4"]


def test_without_being_asked_nothing_is_kept(module: str, start_run: StartRun) -> None:
    """Nor is anything of the library changed."""
    run = start_run()
    record(module, "one")
    run.finish()
    assert recorded(run).fold.files == {}


def test_a_video_elsewhere_is_kept_by_its_name(
    module: str, start_run: StartRun, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of the rest of its path is said."""
    run = start_run(monitor_gym=True)
    loaded: Any = importlib.import_module(module)
    place = tmp_path_factory.mktemp("films")
    if "rendering" in module:
        recorder = loaded.RecordVideo(str(place))
        recorder.record("x")
        recorder.stop_recording()
        # Nothing was recorded since: there is no video.
        recorder.frames = 0
        recorder.stop_recording()
    else:
        loaded.VideoRecorder(f"{place}/x.mp4").close()
    run.finish()
    assert [*recorded(run).fold.files] == ["videos/x.mp4"]


def test_a_recorder_of_another_shape_works_on(module: str, start_run: StartRun) -> None:
    """Its errors are the program's, and nothing of ours is."""
    run = start_run(monitor_gym=True)
    loaded: Any = importlib.import_module(module)
    odd = object.__new__(getattr(loaded, "RecordVideo", None) or loaded.VideoRecorder)
    with pytest.raises(AttributeError):
        (odd.stop_recording if "rendering" in module else odd.close)()
    run.log({"a": 1})


def test_a_module_that_cannot_be_imported_is_no_affair_of_ours(workdir: Path) -> None:
    """It fails as it does anyway, and may be there later."""
    assert workdir.is_dir()
    called: list[str] = []
    imports = AfterImport({"airtape_test_missing": lambda module: called.append(module.__name__)})
    imports.begin()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("airtape_test_missing")
    imports.end()
    imports.end()
    assert called == []


def test_airtape_is_the_module_that_it_was() -> None:
    """Loaded modules are told at once."""
    called: list[object] = []
    imports = AfterImport({"airtape": called.append})
    imports.begin()
    assert called == [airtape]
    assert imports not in sys.meta_path
