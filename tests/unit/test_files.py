"""Files are tried without harm, and replaced whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from etl_assets.exceptions import ConfigurationError
from etl_assets.files import check_writable, replaced, write_json


def refusal(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_writable(path, "Report", "--output")
    return str(caught.value)


def test_trying_a_file_leaves_nothing_and_changes_nothing(tmp_path):
    kept = tmp_path / "old.json"
    kept.write_text("old")

    check_writable(kept, "Report", "--output")
    check_writable(tmp_path / "new.json", "Report", "--output")

    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]
    assert kept.read_text() == "old"


def test_a_missing_folder_is_made_but_not_several(tmp_path):
    check_writable(tmp_path / "logs" / "a.json", "Report", "--output")
    assert (tmp_path / "logs").is_dir()

    path = tmp_path / "no" / "such" / "a.json"
    assert refusal(path) == (
        f"Report {path} cannot be written: the folder {path.parent} does not exist. "
        "Choose another place with --output."
    )
    assert not (tmp_path / "no").exists()


def test_no_folder_is_made_at_the_root():
    path = Path("/no-such-folder-here/a.json")
    assert refusal(path) == (
        "Report /no-such-folder-here/a.json cannot be written: the folder /no-such-folder-here does not "
        "exist. Choose another place with --output."
    )
    assert not path.parent.exists()


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert refusal(tmp_path) == (
        f"Report {tmp_path} cannot be written: it is a folder. Choose another place with --output."
    )
    assert refusal(file / "a.json") == (
        f"Report {file / 'a.json'} cannot be written: {file} is not a folder. "
        "Choose another place with --output."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_permission_is_asked_for(tmp_path):
    tmp_path.chmod(0o500)
    path = tmp_path / "a.json"
    assert refusal(path) == (
        f"Report {path} cannot be written: Permission denied. Choose another place with --output."
    )


def test_a_failure_half_way_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def write_half() -> None:
        with replaced(path) as new:
            new.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_mode_and_link_stay(tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("{}")
    real.chmod(0o640)
    link.symlink_to(real)

    write_json(link, {"a": "ä"})

    assert link.is_symlink()
    assert json.loads(real.read_text(encoding="utf-8")) == {"a": "ä"}
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_open_gives(tmp_path):
    (tmp_path / "plain").touch()
    write_json(tmp_path / "new.json", {})
    assert (tmp_path / "new.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_device_is_written_to_and_not_replaced():
    check_writable(Path("/dev/null"), "Report", "--output")
    write_json(Path("/dev/null"), {})
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
