from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

from airtape.requirements import requirements


def test_every_installed_package_is_listed_with_its_version() -> None:
    """It is what the metadata of the packages say, but for capitals and dashes in names."""
    listed = [tuple(line.split("==")) for line in requirements(sys.path)]
    installed = {(_normal(found.metadata["Name"]), found.version) for found in distributions()}
    assert {(_normal(name), version) for name, version in listed} == installed


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_first_of_two_versions_counts(tmp_path: Path) -> None:
    """That is the one that gets imported, whatever its name looks like."""
    (tmp_path / "a" / "My_Package-2.0.dist-info").mkdir(parents=True)
    (tmp_path / "b" / "my.package-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "b" / "other-1.0rc1.dist-info").mkdir()
    found = requirements([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "missing")])
    assert found == ["My-Package==2.0", "other==1.0rc1"]


def test_a_package_that_is_developed_where_it_stands_is_listed(tmp_path: Path) -> None:
    """The version stands in its metadata, not in the name of their folder."""
    place = tmp_path / "mine.egg-info"
    place.mkdir()
    (place / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 0.3\n\nName: no\n")
    (tmp_path / "broken.egg-info").mkdir()
    (tmp_path / "old-1.5-py3.11.egg-info").write_text("")
    assert requirements([str(tmp_path)]) == ["mine==0.3", "old==1.5"]
