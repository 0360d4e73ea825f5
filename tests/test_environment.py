from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st


def test_home_is_empty_and_not_the_developers() -> None:
    """A test sees an empty home directory of its own."""
    assert list(Path.home().iterdir()) == []


@given(st.none())
def test_properties_see_no_setting_of_the_developer(nothing: None) -> None:
    """No TRACKER_ or WANDB_ variable reaches a test but the tests' own, properties included."""
    assert nothing is None
    settings = [name for name in os.environ if name.startswith(("TRACKER_", "WANDB_"))]
    assert settings == ["TRACKER_DISABLE_STATS"]
