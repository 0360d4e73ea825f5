from __future__ import annotations

import copy
import os
import pickle
import pwd
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import UsageError
from airtape.login_name import login_name
from airtape.settings import SETTINGS, Settings, variables
from airtape.settings_files import user_file
from airtape.settings_names import ALIASES, RETIRED
from airtape.settings_sources import DEFAULT, load_settings, resolve_settings

NOBODY = 2**31 - 5
"""The number of a user that no system knows."""

SAMPLES: Mapping[str, tuple[str, object]] = {
    "mode": ("disabled", "disabled"),
    "project": ("digits", "digits"),
    "entity": ("team", "team"),
    "dir": ("data/runs", "data/runs"),
    "run_id": ("ab12cd34", "ab12cd34"),
    "name": ("likely-lion-9", "likely-lion-9"),
    "notes": ("first try", "first try"),
    "tags": ("a, b c,,d,", ("a", "b c", "d")),
    "group": ("fold-1", "fold-1"),
    "job_type": ("train", "train"),
    "resume": ("must", "must"),
    "sweep_id": ("sw33p", "sw33p"),
    "sweep_param_path": ("sweep.yaml", "sweep.yaml"),
    "label": ("rank-3", "rank-3"),
    "primary": ("no", False),
    "anonymous": ("must", "must"),
    "save_code": ("yes", True),
    "sync_tensorboard": ("1", True),
    "monitor_gym": ("on", True),
    "console": ("auto", "wrap"),
    "disable_console": ("true", True),
    "disable_git": ("true", True),
    "disable_redaction": ("true", True),
    "disable_code": ("true", True),
    "disable_metadata": ("on", True),
    "metadata_timeout": ("0", 0.0),
    "git_commit": ("0123abcd", "0123abcd"),
    "git_remote_url": ("https://example.org/r.git", "https://example.org/r.git"),
    "silent": ("true", True),
    "quiet": ("1", True),
    "target": ("sqlite:x.db", "sqlite:x.db"),
    "on_error": ("raise", "raise"),
    "fsync_interval": ("0", 0.0),
    "heartbeat_interval": ("2.5", 2.5),
    "disable_stats": ("true", True),
    "stats_sampling_interval": ("1.5", 1.5),
    "checkpoint_interval": ("30", 30.0),
    "finish_timeout": ("0", 0.0),
    "receipt_dir": ("/scratch/receipts", "/scratch/receipts"),
    "fallback_dir": ("/scratch", "/scratch"),
    "file_mode": ("640", 0o640),
}
"""For each setting a text as it stands in a variable or a file, and the value that it means."""


def _load(
    arguments: Mapping[str, object] | None = None,
    settings: Settings | Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path = Path("/nowhere"),
) -> Settings:
    return load_settings(arguments or {}, settings=settings, environ=environ or {}, cwd=cwd)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_with_nothing_said_every_setting_has_its_default(tmp_path: Path) -> None:
    """The mode is offline, nothing is named, and every source is the default."""
    settings, sources = resolve_settings({}, environ={}, cwd=tmp_path)
    assert settings == Settings()
    assert (settings.mode, settings.project, settings.tags) == ("offline", None, ())
    assert (settings.fsync_interval, settings.heartbeat_interval) == (5.0, 15.0)
    assert (settings.checkpoint_interval, settings.on_error) == (60.0, "warn")
    assert sources == dict.fromkeys(SETTINGS, DEFAULT)
    assert (settings.said, settings.notices) == (frozenset(), ())


def test_every_setting_is_sampled_here() -> None:
    """A new setting needs a sample, so that the tests below speak of it too."""
    assert set(SAMPLES) == set(SETTINGS)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_setting_has_its_variable(name: str) -> None:
    """TRACKER_<NAME> gives the setting, and the sources say so."""
    text, value = SAMPLES[name]
    variable = f"TRACKER_{name.upper()}"
    settings, sources = resolve_settings({}, environ={variable: text}, cwd=Path("/nowhere"))
    assert getattr(settings, name) == value
    assert sources[name] == variable


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("WANDB_MODE", "mode"),
        ("WANDB_PROJECT", "project"),
        ("WANDB_ENTITY", "entity"),
        ("WANDB_DIR", "dir"),
        ("WANDB_RUN_ID", "run_id"),
        ("WANDB_NAME", "name"),
        ("WANDB_NOTES", "notes"),
        ("WANDB_TAGS", "tags"),
        ("WANDB_RUN_GROUP", "group"),
        ("WANDB_JOB_TYPE", "job_type"),
        ("WANDB_SWEEP_ID", "sweep_id"),
        ("WANDB_RESUME", "resume"),
        ("WANDB_ANONYMOUS", "anonymous"),
        ("WANDB_SILENT", "silent"),
        ("WANDB_QUIET", "quiet"),
    ],
)
def test_wandbs_variables_are_accepted_and_ours_win(variable: str, name: str) -> None:
    """Scripts and schedulers set them already; TRACKER_<NAME> is stronger."""
    text, value = SAMPLES[name]
    assert getattr(_load(environ={variable: text}), name) == value
    assert variables(name) == (f"TRACKER_{name.upper()}", variable)
    words = {"mode": "shared", "resume": "never", "anonymous": "allow"}
    stronger = (words | {"silent": "no", "quiet": "no"}).get(name, "x")
    expected = {"tags": ("x",), "silent": False, "quiet": False}.get(name, stronger)
    both = {f"TRACKER_{name.upper()}": stronger, variable: text}
    assert getattr(_load(environ=both), name) == expected


@pytest.mark.parametrize("name", SAMPLES)
def test_each_setting_can_stand_in_a_file(name: str, tmp_path: Path) -> None:
    """The file wandb/settings gives the same values as the variables."""
    text, value = SAMPLES[name]
    _write(tmp_path / "wandb" / "settings", f"[default]\n{name} = {text}\n")
    settings, sources = resolve_settings({}, environ={}, cwd=tmp_path)
    assert getattr(settings, name) == value
    assert sources[name] == str(tmp_path / "wandb" / "settings")


def test_the_sources_have_an_order(tmp_path: Path) -> None:
    """Arguments, settings, TRACKER_, WANDB_, wandb/settings, the user's file: the first wins."""
    home = tmp_path / "home"
    _write(tmp_path / "wandb" / "settings", "[default]\nproject = folder\ngroup = folder\n")
    _write(
        home / ".config" / "airtape" / "settings",
        "[default]\nproject = user\ngroup = user\nlabel = user\n",
    )
    settings, sources = resolve_settings(
        {"project": "argument", "name": None},
        settings={"project": "settings", "name": "settings"},
        environ={
            "HOME": str(home),
            "TRACKER_NAME": "tracker",
            "TRACKER_NOTES": "tracker",
            "WANDB_NOTES": "wandb",
            "WANDB_JOB_TYPE": "wandb",
        },
        cwd=tmp_path,
    )
    names = ("project", "name", "notes", "job_type", "group", "label")
    assert [getattr(settings, name) for name in names] == [
        "argument",
        "settings",
        "tracker",
        "wandb",
        "folder",
        "user",
    ]
    assert [sources[name] for name in names] == [
        "init(project=...)",
        "init(settings={'name': ...})",
        "TRACKER_NOTES",
        "WANDB_JOB_TYPE",
        str(tmp_path / "wandb" / "settings"),
        str(home / ".config" / "airtape" / "settings"),
    ]
    assert settings.said == set(names)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_says_nothing(text: str) -> None:
    """Schedulers export variables without a value."""
    environ = {"TRACKER_PROJECT": text, "WANDB_PROJECT": "digits"}
    assert _load(environ=environ).project == "digits"


def test_an_empty_line_of_a_file_says_nothing(tmp_path: Path) -> None:
    """`project =` is no project."""
    _write(tmp_path / "wandb" / "settings", "[default]\nproject =\nmode = disabled\n")
    settings = _load(cwd=tmp_path)
    assert (settings.project, settings.mode) == (None, "disabled")


def test_a_target_makes_the_mode_online() -> None:
    """Who configures a target wants runs to go there, and the source says why."""
    settings, sources = resolve_settings(
        {}, environ={"TRACKER_TARGET": "sqlite:x.db"}, cwd=Path("/nowhere")
    )
    assert settings.mode == "online"
    assert sources["mode"] == "default, because a target is set (TRACKER_TARGET)"


@pytest.mark.parametrize(
    "given_mode",
    [
        {"arguments": {"mode": "offline"}},
        {"settings": Settings(mode="offline")},
        {"settings": {"mode": "offline"}},
        {"environ": {"TRACKER_TARGET": "x", "WANDB_MODE": "offline"}},
    ],
)
def test_a_mode_that_was_said_beats_the_target(given_mode: dict[str, object]) -> None:
    """Said is said, even when it is the default."""
    arguments: dict[str, object] = {"environ": {"TRACKER_TARGET": "x"}, **given_mode}
    assert _load(**arguments).mode == "offline"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "mode"),
    [("dryrun", "offline"), ("run", "online"), ("Disabled", "disabled"), ("shared", "shared")],
)
def test_older_words_for_modes_are_understood(said: str, mode: str) -> None:
    """`dryrun` and `run` are what older scripts say."""
    assert _load(environ={"WANDB_MODE": said}).mode == mode


@pytest.mark.parametrize(
    ("said", "resume"),
    [(True, "auto"), ("true", "auto"), (False, None), ("allow", "allow"), ("never", "never")],
)
def test_resume_may_be_a_boolean(said: object, resume: str | None) -> None:
    """True means auto; False means a new run, whatever the environment says."""
    assert _load({"resume": said}, environ={"WANDB_RESUME": "must"}).resume == resume


def test_names_of_init_and_of_wandb_are_understood() -> None:
    """Init says id, W&B's settings say run_name, run_group and so on."""
    settings = _load(
        {"id": "x1"},
        {"run_name": "n", "run_group": "g", "run_tags": ["t"], "run_notes": "o", "x_label": "l"},
    )
    assert (settings.run_id, settings.name, settings.group) == ("x1", "n", "g")
    assert (settings.tags, settings.notes, settings.label) == (("t",), "o", "l")
    assert set(ALIASES.values()) <= set(SETTINGS)


def test_a_text_of_tags_is_one_tag_in_code() -> None:
    """Only variables and files separate tags by commas."""
    assert _load({"tags": "a,b"}).tags == ("a,b",)
    assert _load(settings={"tags": "single"}).tags == ("single",)


def test_tags_given_empty_are_empty() -> None:
    """An empty list is said, unlike None."""
    assert _load({"tags": []}, environ={"WANDB_TAGS": "a"}).tags == ()
    assert _load({"tags": None}, environ={"WANDB_TAGS": "a"}).tags == ("a",)


def test_settings_can_be_an_object() -> None:
    """What the object was given counts, its defaults do not."""
    settings = _load(settings=Settings(project="digits"), environ={"WANDB_NAME": "n"})
    assert (settings.project, settings.name) == ("digits", "n")


def test_a_settings_object_can_be_made_with_wandbs_names() -> None:
    """Scripts pass what W&B's class took; what has no meaning here becomes a notice."""
    settings = Settings(run_name="n", start_method="thread", _disable_viewer=True)
    assert settings.name == "n"
    assert settings.notices == (
        "The setting start_method of W&B has no effect here (Settings(start_method=...))",
        "The setting _disable_viewer of W&B has no effect here (Settings(_disable_viewer=...))",
    )
    assert _load(settings=settings).notices == settings.notices


def test_settings_can_be_copied_and_pickled() -> None:
    """They travel to other processes and cannot be changed in place."""
    settings = Settings(project="digits", tags=["a"])
    assert pickle.loads(pickle.dumps(settings)) == copy.deepcopy(settings) == settings  # noqa: S301 - bytes of its own making
    assert hash(settings) == hash(copy.copy(settings))
    assert settings != Settings(project="digits")
    assert settings != "digits"
    for name in ("project", "notices", "said", "unknown"):
        with pytest.raises(AttributeError):
            setattr(settings, name, "other")


def test_a_password_in_a_target_is_not_shown() -> None:
    """A settings object that is printed keeps what its target's address holds."""
    assert "hunter2" not in repr(Settings(target="postgres://u:hunter2@db/runs", name="n"))


def test_an_unknown_setting_is_refused() -> None:
    """The message names it, where it stood, and the ones that exist."""
    with pytest.raises(UsageError) as caught:
        _load(settings={"projct": "x"})
    assert str(caught.value).startswith(
        "Unknown setting 'projct' (init(settings={'projct': ...}))\nKnown: mode, project, "
    )
    with pytest.raises(UsageError, match=r"Unknown setting 5 "):
        _load(settings={5: "x"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "key", ["start_method", "console_multipart", "_service_wait", "x_disable_viewer"]
)
def test_settings_of_wandbs_machinery_are_accepted_with_a_notice(key: str) -> None:
    """They are no error in a script that passes them, and no secret either."""
    settings = _load(settings={key: 1})
    assert settings == Settings()
    assert settings.notices == (
        f"The setting {key} of W&B has no effect here (init(settings={{{key!r}: ...}}))",
    )


def test_no_setting_is_retired() -> None:
    """A name cannot both work and be ignored; each ignored one gives its notice."""
    assert not RETIRED & {*SETTINGS, *ALIASES}
    assert len(_load(settings=dict.fromkeys(RETIRED, 1)).notices) == len(RETIRED)


@pytest.mark.parametrize("key", ["force", "fork_from", "resume_from", "reinit"])
def test_settings_that_change_the_record_are_not_ignored(key: str) -> None:
    """What decides about the data is refused with the way to say it."""
    with pytest.raises(UsageError, match=rf"(?s)^{key} is no setting .*init\({key}=\.\.\.\)$"):
        _load(settings={key: "x"})


def test_settings_of_another_type_are_refused() -> None:
    """Neither a dict nor Settings."""
    with pytest.raises(UsageError, match=r"^Invalid settings: 'x' \(init\(settings=\.\.\.\)\)"):
        _load(settings="x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "foo"),
        ("mode", 5),
        ("resume", "zzz"),
        ("resume", 1),
        ("on_error", "ignore"),
        ("silent", "maybe"),
        ("quiet", 2),
        ("fsync_interval", -1),
        ("fsync_interval", "soon"),
        ("fsync_interval", True),
        ("heartbeat_interval", 0),
        ("heartbeat_interval", "nan"),
        ("checkpoint_interval", "inf"),
        ("checkpoint_interval", 10**400),
        ("checkpoint_interval", [1]),
        ("dir", 5),
        ("dir", b"x"),
        ("fallback_dir", "a\0b"),
        ("file_mode", "rw-r--r--"),
        ("file_mode", 640),
        ("file_mode", True),
        ("file_mode", 0o666),
        ("file_mode", "0444"),
        ("file_mode", None.__class__),
    ],
)
def test_a_bad_value_is_named_with_its_source_and_what_is_allowed(name: str, value: object) -> None:
    """What, where, and what to say instead."""
    with pytest.raises(UsageError) as caught:
        _load({name: value})
    what, _, allowed = str(caught.value).partition("\n")
    assert what == f"Invalid {name}: {value!r} (init({name}=...))"
    assert allowed.startswith("Allowed: ")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"WANDB_MODE": "bogus"}, "Invalid mode: 'bogus' (WANDB_MODE)"),
        ({"WANDB_RUN_ID": "a/b"}, "Run ID cannot contain the characters: "),
        ({"WANDB_PROJECT": "a#b"}, "Invalid project name 'a#b': "),
        ({"TRACKER_ENTITY": "a/b"}, "Invalid entity 'a/b': "),
        (
            {"WANDB_TAGS": f"a,{'t' * 65}"},
            "Tag 'tttttttttttttttttttt...tttttttttttttttttttt' is 65",
        ),
        ({"WANDB_NOTES": "\udcff"}, "notes is not valid Unicode text (WANDB_NOTES)"),
    ],
)
def test_a_bad_variable_is_named(environ: Mapping[str, str], message: str) -> None:
    """The message names the variable."""
    with pytest.raises(UsageError) as caught:
        _load(environ=environ)
    assert str(caught.value).startswith(message)
    assert f"({next(iter(environ))})" in str(caught.value)


@pytest.mark.parametrize("name", ["name", "notes", "group", "job_type", "label", "target"])
def test_texts_must_be_texts(name: str) -> None:
    """A number is no name."""
    with pytest.raises(UsageError, match=rf"^{name} must be text, not int 5 \(init\({name}="):
        _load({name: 5})


@given(
    st.sampled_from(sorted(SETTINGS)),
    st.one_of(
        st.sampled_from(["x", "0644", "", "y" * 5000, "auto", [], {}, (), b"", object()]),
        st.integers() | st.floats() | st.booleans(),
        st.lists(st.text(max_size=70), max_size=3),
    ),
)
def test_any_value_is_taken_or_refused(name: str, value: object) -> None:
    """Nothing but UsageError comes out, and what is taken is taken again."""
    try:
        settings = Settings(**{name: value})
    except UsageError:
        return
    assert Settings(**{name: getattr(settings, name)}) == settings


@given(st.sampled_from(sorted(SETTINGS)), st.text())
def test_any_text_in_a_variable_is_taken_or_refused(name: str, text: str) -> None:
    """A variable never ends a program with anything but UsageError."""
    try:
        settings = _load(environ={f"TRACKER_{name.upper()}": text})
    except UsageError as error:
        assert f"TRACKER_{name.upper()}" in str(error)  # noqa: PT017 - the error is caught to be looked at
        return
    assert isinstance(getattr(settings, name), type(SAMPLES[name][1]) | None)


def test_paths_may_be_path_objects_and_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home directory also where no shell expands it."""
    monkeypatch.setenv("HOME", "/home/u")
    assert _load({"dir": Path("/data")}).dir == "/data"
    assert _load(environ={"WANDB_DIR": "~/runs"}).dir == "/home/u/runs"


def test_the_folder_of_settings_follows_the_dir(tmp_path: Path) -> None:
    """wandb/settings is read where the run will be recorded, relative to the working directory."""
    _write(tmp_path / "data" / "wandb" / "settings", "[default]\nmode = disabled\n")
    assert _load({"dir": "data"}, cwd=tmp_path).mode == "disabled"
    home = tmp_path / "home"
    _write(home / ".config" / "airtape" / "settings", "[default]\ndir = data\n")
    assert _load(environ={"HOME": str(home)}, cwd=tmp_path).mode == "disabled"


def test_a_hidden_folder_has_settings_too(tmp_path: Path) -> None:
    """Where .wandb takes the place of wandb, its settings count."""
    _write(tmp_path / ".wandb" / "settings", "[default]\nmode = disabled\n")
    assert _load(cwd=tmp_path).mode == "disabled"


def test_unknown_names_in_a_file_are_a_notice(tmp_path: Path) -> None:
    """The file may have been written for another program or version."""
    path = tmp_path / "wandb" / "settings"
    _write(path, "[default]\nbase_url = https://x.example\nmode = disabled\n[other]\na = b\n")
    settings = _load(cwd=tmp_path)
    assert settings.mode == "disabled"
    assert settings.notices == (f"The setting base_url has no effect here ({path})",)


def test_a_misspelt_variable_is_noticed() -> None:
    """Those of other programs, which may begin with TRACKER_ too, are not."""
    environ = {"TRACKER_TRAGET": "sqlite:x.db", "TRACKER_VERBOSITY": "3", "TRACKER_GROUP": "g"}
    settings = load_settings({}, environ=environ, cwd=Path())
    assert settings.notices == (
        "The variable TRACKER_TRAGET has no effect; did you mean TRACKER_TARGET?",
    )
    assert (settings.target, settings.group) == (None, "g")


@pytest.mark.parametrize("text", ["", "[other]\nmode = disabled\n", "\ufeff[default]\n"])
def test_a_file_may_say_nothing(text: str, tmp_path: Path) -> None:
    """No section, no settings."""
    _write(tmp_path / "wandb" / "settings", text)
    assert _load(cwd=tmp_path) == Settings()


@pytest.mark.parametrize("data", [b"mode = offline", b"[default]\nmode\n", b"[default]\nname=\xff"])
def test_a_file_that_cannot_be_understood_is_named(data: bytes, tmp_path: Path) -> None:
    """The message has the path, the cause and what is expected."""
    path = tmp_path / "wandb" / "settings"
    _write(path, "")
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"(?s)^A settings file cannot.*\nExpected: ") as caught:
        _load(cwd=tmp_path)
    assert caught.value.where == str(path)


def test_a_bad_value_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    """The user learns which file to mend."""
    path = tmp_path / "wandb" / "settings"
    _write(path, "[default]\nmode = foo\n")
    with pytest.raises(UsageError) as caught:
        _load(cwd=tmp_path)
    assert str(caught.value).startswith(f"Invalid mode: 'foo' ({path})\nAllowed: online, ")


def test_a_pipe_in_the_place_of_a_file_is_left_alone(tmp_path: Path) -> None:
    """Opening it would wait for ever."""
    (tmp_path / "wandb").mkdir()
    os.mkfifo(tmp_path / "wandb" / "settings")
    assert _load(cwd=tmp_path) == Settings()


def test_a_file_in_the_place_of_a_folder_is_no_settings(tmp_path: Path) -> None:
    """What is wrong with it will show when the run directory is made."""
    (tmp_path / "wandb").touch()
    assert _load(cwd=tmp_path) == Settings()


def test_a_file_that_cannot_be_read_is_a_notice(tmp_path: Path) -> None:
    """A loop of links must not keep a training from starting."""
    (tmp_path / "wandb").mkdir()
    path = tmp_path / "wandb" / "settings"
    path.symlink_to("settings")
    assert _load(cwd=tmp_path).notices == (
        f"{path} cannot be read: Too many levels of symbolic links",
    )


def test_the_users_file_stands_in_the_configuration_directory() -> None:
    """XDG_CONFIG_HOME, else ~/.config, else nowhere."""
    assert user_file({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c/airtape/settings")
    assert user_file({"HOME": "/h"}) == Path("/h/.config/airtape/settings")
    assert user_file({}) is None


def test_the_login_name_comes_from_the_environment_first() -> None:
    """LOGNAME, then USER; empty ones are passed over."""
    assert login_name({"LOGNAME": "ada", "USER": "bob"}) == "ada"
    assert login_name({"LOGNAME": "", "USER": "bob"}) == "bob"


def test_the_login_name_comes_from_the_system_otherwise() -> None:
    """The password database knows number 0 and usually this process's."""
    assert login_name({}, uid=0) == pwd.getpwuid(0).pw_name


def test_without_any_name_the_login_name_is_unknown() -> None:
    """In containers the number of the user often has no name."""
    assert login_name({}, uid=NOBODY) == "unknown"
    assert login_name({}) != ""


@pytest.mark.parametrize(
    ("name", "entity"), [("DOM/ada", "DOM_ada"), ("a\x1bb", "a_b"), ("\udcff", "?")]
)
def test_a_login_name_can_be_an_entity(name: str, entity: str) -> None:
    """A run's path has three parts whatever the login name is."""
    assert login_name({"USER": name}) == entity
    assert _load({"entity": entity}).entity == entity
