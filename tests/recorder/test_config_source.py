from __future__ import annotations

import argparse
import dataclasses
from collections import OrderedDict, UserDict
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from airtape.config import Config
from airtape.config_source import DEFAULTS_FILE, config_from, plain_config
from airtape.errors import ConfigArgumentError, ConfigError, ConfigKeyError, UsageError


@dataclasses.dataclass
class Options:
    """Values with defaults."""

    lr: float = 0.1
    sizes: tuple[int, ...] = (1, 2)


@dataclasses.dataclass(slots=True)
class SlottedOptions:
    """The same without a __dict__."""

    lr: float = 0.1
    sizes: tuple[int, ...] = (1, 2)


class Hyperparameters:
    """Class attributes are no values."""

    kind = "class"

    def __init__(self) -> None:
        self.lr = 0.1
        self.sizes = (1, 2)


class Flags:
    """Like absl.flags.FLAGS: attributes are flags, and only a method gives their values."""

    def flag_values_dict(self) -> dict[str, object]:
        """As absl's."""
        return {"lr": 0.1, "sizes": (1, 2)}


def config_of_a_run() -> Config:
    """Make a config as a run has one."""
    config = Config(lambda _values, _removed: None, warn=print)
    config.update({"lr": 0.1, "sizes": (1, 2), "_u": 1})
    return config


@pytest.mark.parametrize(
    "source",
    [
        {"lr": 0.1, "sizes": (1, 2)},
        OrderedDict(lr=0.1, sizes=(1, 2)),
        UserDict(lr=0.1, sizes=(1, 2)),
        argparse.Namespace(lr=0.1, sizes=(1, 2)),
        SimpleNamespace(lr=0.1, sizes=(1, 2)),
        Options(),
        SlottedOptions(),
        Hyperparameters(),
        Flags(),
        config_of_a_run(),
    ],
    ids=lambda source: type(source).__name__,
)
def test_many_objects_are_configs(source: object) -> None:
    """Dictionaries, namespaces, dataclasses, flags, configs and other objects give values."""
    assert plain_config(source) == {"lr": 0.1, "sizes": [1, 2]}


def test_a_dataclass_may_have_more_attributes() -> None:
    """Attributes that were added to a dataclass instance are values too."""
    options: Any = Options()
    options.more = 1
    assert plain_config(options) == {"lr": 0.1, "sizes": [1, 2], "more": 1}


def test_a_namespace_may_have_an_argument_called_keys() -> None:
    """Only a class makes a mapping, never the names of values."""
    assert plain_config(SimpleNamespace(keys=3, items=4)) == {"keys": 3, "items": 4}


@pytest.mark.parametrize(
    "source",
    [[1], [("a", 1)], 5, None, b"c.yaml", MappingProxyType({"a": 1}), Path("c.yaml"), 0.5],
    ids=lambda source: type(source).__name__,
)
def test_other_objects_are_no_configs(source: object) -> None:
    """What has no attributes is refused with an error that is a ValueError and a TypeError."""
    with pytest.raises(ConfigArgumentError) as caught:
        plain_config(source)
    assert str(caught.value) == "config must be a dict or have a __dict__ attribute."
    assert isinstance(caught.value, UsageError)
    assert isinstance(caught.value, TypeError)


def test_nothing_is_an_empty_config(tmp_path: Path) -> None:
    """A run may start without a config."""
    assert config_from(None, cwd=tmp_path) == {}


def test_keys_lose_the_dashes_around_them(tmp_path: Path) -> None:
    """Of two keys that become the same the later one counts."""
    assert config_from({"--lr": 1, "lr": 2, "a-b": 3}, cwd=tmp_path) == {"lr": 2, "a-b": 3}


def test_keys_have_to_be_strings(tmp_path: Path) -> None:
    """A key of another type is refused by name."""
    with pytest.raises(ConfigKeyError, match=r"config key \('a',\) is no string but of type tuple"):
        config_from({("a",): 1}, cwd=tmp_path)


def test_half_a_character_in_a_key_is_replaced(tmp_path: Path) -> None:
    """A key with a lone surrogate, which no encoding has, can be recorded all the same."""
    assert config_from({"a\ud800": 1}, cwd=tmp_path) == {"a�": 1}


def test_a_bad_value_is_a_usage_error(tmp_path: Path) -> None:
    """A value that cannot be recorded is refused with its key and the reason."""
    with pytest.raises(UsageError, match="config value 'raw' cannot be recorded: 'utf-8' codec"):
        config_from({"raw": b"\xff"}, cwd=tmp_path)


def test_excluded_keys_are_left_out(tmp_path: Path) -> None:
    """Excluded keys are left out, wherever they come from and whatever they hold."""
    (tmp_path / DEFAULTS_FILE).write_text("b: 1\nd: 1\n")
    given = {"a": b"\xff", "c": 3}
    assert config_from(given, exclude=["a", "b"], cwd=tmp_path) == {"d": 1, "c": 3}


def test_only_included_keys_are_taken(tmp_path: Path) -> None:
    """With included keys no others are taken; missing ones are no error."""
    (tmp_path / DEFAULTS_FILE).write_text("b: 1\nd: 1\n")
    given = {"a": 1, "c": 3}
    assert config_from(given, include=("a", "b", "zz"), cwd=tmp_path) == {"b": 1, "a": 1}


def test_one_key_may_be_given_as_text(tmp_path: Path) -> None:
    """A single name stands for itself, not for its letters."""
    assert config_from({"lr": 1, "l": 2}, exclude="lr", cwd=tmp_path) == {"l": 2}
    assert config_from({"lr": 1, "l": 2}, include="lr", cwd=tmp_path) == {"lr": 1}


def test_empty_lists_of_keys_mean_nothing(tmp_path: Path) -> None:
    """Empty lists of keys neither include nor exclude."""
    assert config_from({"a": 1}, include=[], exclude=[], cwd=tmp_path) == {"a": 1}


def test_keys_cannot_be_both_included_and_excluded(tmp_path: Path) -> None:
    """Both lists at once are a usage error."""
    with pytest.raises(UsageError, match=r"^Expected at most only one of exclude or include$"):
        config_from({"a": 1}, include=["a"], exclude=["b"], cwd=tmp_path)


FLAT = "lr: 0.3\nnested:\n  a: 1\n"
SHAPED = "wandb_version: 1\nlr:\n  desc: rate\n  value: 0.3\nnested:\n  value:\n    a: 1\n"
MIXED = "lr:\n  value: 0.3\nnested:\n  a: 1\n"
EXTENDED = "wandb_version: 1\nlr: {value: 0.3, unit: none}\nnested: {a: 1}\n"


@pytest.mark.parametrize("text", [FLAT, SHAPED, MIXED, EXTENDED])
def test_text_is_the_path_of_a_yaml_file(tmp_path: Path, text: str) -> None:
    """A YAML file gives values, flat or with entries like W&B's, or both."""
    (tmp_path / "c.yaml").write_text(text)
    assert config_from("c.yaml", cwd=tmp_path) == {"lr": 0.3, "nested": {"a": 1}}
    assert config_from(str(tmp_path / "c.yaml"), cwd=Path("/")) == config_from(
        "c.yaml", cwd=tmp_path
    )


def test_an_update_reads_files_of_the_working_directory(workdir: Path) -> None:
    """Outside of init() a relative path starts at the working directory."""
    (workdir / "c.yaml").write_text(FLAT)
    assert plain_config("c.yaml") == {"lr": 0.3, "nested": {"a": 1}}


def test_a_dictionary_with_a_value_is_kept_in_a_flat_file(tmp_path: Path) -> None:
    """Only a dictionary that looks like an entry of W&B's is taken for one."""
    (tmp_path / "c.yaml").write_text("limit: {value: 3, unit: s}\nempty: {}\n")
    expected = {"limit": {"value": 3, "unit": "s"}, "empty": {}}
    assert config_from("c.yaml", cwd=tmp_path) == expected


def test_yaml_values_become_plain(tmp_path: Path) -> None:
    """Dates, sets and bytes of YAML are recorded as those of Python are."""
    (tmp_path / "c.yaml").write_text("day: 2026-11-20\nset: !!set {a}\nraw: !!binary aGk=\n")
    expected = {"day": "2026-11-20", "set": ["a"], "raw": "hi"}
    assert config_from("c.yaml", cwd=tmp_path) == expected


@pytest.mark.parametrize("text", ["", "# lr: 0.1\n"])
def test_an_empty_file_is_an_empty_config(tmp_path: Path, text: str) -> None:
    """A file without any value gives none."""
    (tmp_path / "c.yaml").write_text(text)
    assert config_from("c.yaml", cwd=tmp_path) == {}


@pytest.mark.parametrize("name", ["plainstring", "c.yaml/below", "nul\0"])
def test_a_missing_file_is_a_config_error(tmp_path: Path, name: str) -> None:
    """A path that leads nowhere raises with the name that was given."""
    (tmp_path / "c.yaml").write_text(FLAT)
    with pytest.raises(ConfigError) as caught:
        config_from(name, cwd=tmp_path)
    assert str(caught.value) == f"config file {name} doesn't exist"


def test_a_directory_is_no_config_file(tmp_path: Path) -> None:
    """A path that cannot be read raises with the reason."""
    (tmp_path / "conf").mkdir()
    with pytest.raises(ConfigError, match="config file conf cannot be read: Is a directory"):
        config_from("conf", cwd=tmp_path)


BAD_FILES = {
    "syntax": ("a: [1", "is no valid YAML: while parsing a flow sequence"),
    "unhashable key": ("{[a]: 1}", "is no valid YAML: .*unhashable key"),
    "object": ("a: !!python/object:os.system {}", "is no valid YAML: could not determine"),
    "month": ("a: 2026-13-01", "is no valid YAML: month must be in 1..12"),
    "number": ("a: !!int ''", "is no valid YAML: string index out of range"),
    "truth": ("a: !!bool maybe", "is no valid YAML: 'maybe'"),
    "time": ("a: !!timestamp noon", "is no valid YAML: 'NoneType' object"),
    "sexagesimal": ("a: " + "1:" * 200 + "1.0", "is no valid YAML: int too large"),
    "encoding": (b"a: \xff", "is no valid YAML: .*invalid start byte"),
    "control character": (b"a: \x00", "is no valid YAML: unacceptable character"),
    "nesting": ("[" * 500, "is nested too deep"),
    "list": ("- a", "holds a list, not keys with values"),
    "text": ("lr=0.1", "holds a str, not keys with values"),
    "key": ("on: 1", 'has the key True, which is no string\nwrite it in quotes: "True"'),
    "entry": ("lr:\n  desc: x", "key 'lr' has a desc but no value"),
}


@pytest.mark.parametrize(("data", "reason"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_a_config_error(tmp_path: Path, data: str | bytes, reason: str) -> None:
    """Whatever is wrong with a file, the error names the file and the reason."""
    content = data.encode() if isinstance(data, str) else data
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"(?s)config file c.yaml,? {reason}"):
        config_from("c.yaml", cwd=tmp_path)


def test_defaults_stand_below_what_is_given(tmp_path: Path) -> None:
    """Values of config-defaults.yaml are taken where none is given, dashes or not."""
    (tmp_path / DEFAULTS_FILE).write_text("lr:\n  value: 0.9\nepochs:\n  value: 3\n")
    assert config_from({"--lr": 0.1}, cwd=tmp_path) == {"lr": 0.1, "epochs": 3}
    assert config_from(None, cwd=tmp_path) == {"lr": 0.9, "epochs": 3}


def test_defaults_are_for_the_start_only(workdir: Path) -> None:
    """An update does not read config-defaults.yaml again."""
    (workdir / DEFAULTS_FILE).write_text("epochs: 3\n")
    assert plain_config({"lr": 0.1}) == {"lr": 0.1}


def test_bad_defaults_are_a_config_error(tmp_path: Path) -> None:
    """A defaults file that cannot be read is named."""
    (tmp_path / DEFAULTS_FILE).write_text("a: [1")
    with pytest.raises(ConfigError, match=r"config file config-defaults.yaml is no valid YAML"):
        config_from({"lr": 0.1}, cwd=tmp_path)
