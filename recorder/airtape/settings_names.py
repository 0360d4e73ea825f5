"""Names that scripts and W&B's files use for settings, beside our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Names that W&B or `init` use for the same settings.
ALIASES: Final[Mapping[str, str]] = {
    "id": "run_id",
    "root_dir": "dir",
    "run_group": "group",
    "run_job_type": "job_type",
    "run_name": "name",
    "run_notes": "notes",
    "run_tags": "tags",
    "x_disable_meta": "disable_metadata",
    "x_disable_stats": "disable_stats",
    "x_label": "label",
    "x_primary": "primary",
    "x_stats_sampling_interval": "stats_sampling_interval",
    "_disable_meta": "disable_metadata",
    "_disable_stats": "disable_stats",
    "_stats_sampling_interval": "stats_sampling_interval",
}
# Settings of W&B about machinery that does not exist here: accepted, without effect, with a notice.
# So is every private one of W&B's, whose names begin with `_` or `x_`.
RETIRED: Final[frozenset[str]] = frozenset(
    """
    allow_media_symlink allow_offline_artifacts api_key app_url_override
    azure_account_url_to_access_key base_url capture_loggers code_dir colab_url config_paths
    console_chunk_max_bytes console_chunk_max_seconds console_multipart credentials_file deployment
    disable_git_fork_point disable_hints disable_job_creation docker email
    finish_timeout_raises git_remote git_root
    heartbeat_seconds host http_proxy https_proxy identity_token_file ignore_globs init_timeout
    insecure_disable_ssl is_local job_name job_source label_disable launch launch_config_path
    login_timeout max_end_of_run_history_metrics max_end_of_run_summary_metrics notebook_name
    organization problem program program_abspath program_relpath relogin sagemaker_disable
    settings_system settings_workspace show_colors show_emoji show_errors show_info show_warnings
    start_method stop_fn stop_on_fatal_error strict summary_errors summary_timeout summary_warnings
    symlink table_raise_on_max_row_limit_exceeded use_dot_wandb username
    """.split()  # noqa: SIM905 -- a list would take a line each
)
# Settings of W&B that change what is recorded, and are arguments of `init` here: not ignored.
ARGUMENTS_ONLY: Final = frozenset(
    {"allow_val_change", "force", "fork_from", "reinit", "resume_from"}
)
