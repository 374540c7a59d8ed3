"""Dagster's home: where it is, how it is made, what is said when it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from etl_assets.exceptions import ConfigurationError
from etl_assets.orchestration.instance import find_home, open_instance, prepared_home


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME")


def project(folder: Path) -> Path:
    """A folder with a manage.py in it."""
    folder.mkdir()
    (folder / "manage.py").touch()
    return folder


def test_dagster_home_is_used_where_it_is_set(home: Path) -> None:
    assert find_home() == home


def test_without_it_home_is_beside_manage_py(no_home: None, tmp_path: Path, settings: Any) -> None:
    settings.BASE_DIR = project(tmp_path / "project")

    assert find_home() == tmp_path / "project" / ".dagster"


def test_base_dir_may_be_elsewhere(
    no_home: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_DIR = tmp_path
    monkeypatch.setattr(
        sys, "argv", [str(project(tmp_path / "project") / "manage.py"), "migrate_legacy_data"]
    )

    assert find_home() == tmp_path / "project" / ".dagster"


def test_base_dir_is_taken_where_there_is_no_manage_py(
    no_home: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_DIR = str(tmp_path)
    monkeypatch.setattr(sys, "argv", ["django-admin"])
    monkeypatch.chdir(tmp_path)

    assert find_home() == tmp_path / ".dagster"


def test_without_base_dir_it_is_the_current_folder(
    no_home: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    del settings.BASE_DIR
    monkeypatch.setattr(sys, "argv", ["django-admin"])
    monkeypatch.chdir(tmp_path)

    assert find_home() == tmp_path / ".dagster"


def test_home_is_made_without_telemetry_and_dialogs(home: Path) -> None:
    with open_instance() as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled

    made = yaml.safe_load((home / "dagster.yaml").read_text())
    assert made == {"telemetry": {"enabled": False}, "nux": {"enabled": False}}


def test_an_existing_configuration_is_kept(home: Path) -> None:
    home.mkdir()
    written = "telemetry:\n  enabled: true\n"
    (home / "dagster.yaml").write_text(written)

    with open_instance() as instance:
        assert instance.telemetry_enabled

    assert (home / "dagster.yaml").read_text() == written


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(ConfigurationError) as caught:
        prepared_home()

    assert str(caught.value) == (
        f"Dagster's home '{tmp_path}/file/home' cannot be made (Not a directory): "
        "set DAGSTER_HOME to a folder that can be written."
    )


def test_a_home_must_be_a_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "here/dagster")

    with pytest.raises(ConfigurationError) as caught:
        prepared_home()

    assert str(caught.value) == (
        "DAGSTER_HOME is 'here/dagster', which is no absolute path: write the whole path, from / on."
    )


@pytest.mark.parametrize("content", ["telemetry: [", "storage: {mysqll: {}}\n"])
def test_a_broken_configuration_is_one_sentence(home: Path, content: str) -> None:
    home.mkdir()
    (home / "dagster.yaml").write_text(content)

    with pytest.raises(ConfigurationError) as caught:
        open_instance()

    message = str(caught.value)
    assert message.startswith(f"Dagster's home '{home}' cannot be used (")
    assert message.endswith("mend its dagster.yaml, or set DAGSTER_HOME to a folder that can be written.")
    assert "\n" not in message


def test_a_storage_that_cannot_be_opened_is_one_sentence(home: Path) -> None:
    (home / "history" / "runs.db").mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_instance()
