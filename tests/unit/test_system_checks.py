"""`manage.py check` finds what is wrong before a run does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from etl_assets.system_checks import TAG
from etl_assets.timetable import CRON_HINT

ROOT = Path(__file__).parents[2]


def found(**config: object) -> list[tuple[str | None, str, str | None]]:
    with override_settings(ETL_CONFIG=config):
        return [(one.id, one.msg, one.hint) for one in run_checks(tags=[TAG])]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """Writes a module with transformers and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"checked_{abs(hash(request.node.nodeid))}"

    def write(code: str) -> str:
        (tmp_path / f"{name}.py").write_text(
            "from etl_assets import Transformer, col, key, link\n"
            "from tests.targets.models import Place, Plain, Visitor\n" + code
        )
        return name

    yield write
    sys.modules.pop(name, None)


def test_the_demo_has_nothing_to_say():
    assert run_checks(tags=[TAG]) == []


def test_e001_a_wrong_setting_is_found_once_with_its_remedy():
    assert found(DEFAULT_LEGACY="legacy", TRANSFORMER_DISCOVERY_PATHS=["nowhere"]) == [
        (
            "etl_assets.E001",
            "ETL_CONFIG has no key 'DEFAULT_LEGACY'.",
            "Did you mean 'DEFAULT_LEGACY_DB'?",
        )
    ]


def test_e002_a_required_database_is_not_configured():
    assert found(REQUIRED_DATABASES=["legacy", "archive"]) == [
        (
            "etl_assets.E002",
            "REQUIRED_DATABASES names 'archive', which is not configured.",
            "Add it to DATABASES, or name one of default, legacy.",
        )
    ]


def test_e005_a_schedule_that_names_no_transformer():
    assert found(SCHEDULES={"nightly": {"cron": "0 2 * * *", "only": ["patients", "department"]}}) == [
        (
            "etl_assets.E005",
            "SCHEDULES['nightly'] has only 'department', and no transformer is named so.",
            "Did you mean 'departments'?",
        )
    ]


def test_e001_a_cron_line_that_is_none_is_found_without_dagster():
    assert found(SCHEDULES={"nightly": {"cron": "0 25 * * *"}}) == [
        ("etl_assets.E001", "SCHEDULES['nightly'] has cron '0 25 * * *': bad hour.", CRON_HINT)
    ]


def test_e003_transformers_that_cannot_be_found():
    assert found(TRANSFORMER_DISCOVERY_PATHS=["nowhere"]) == [
        (
            "etl_assets.E003",
            "Transformer module 'nowhere' does not exist: check the spelling and PYTHONPATH.",
            None,
        )
    ]


def test_e003_transformers_that_cannot_be_put_in_order(module):
    name = module("""
class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        after = ("visitors",)
    legacy_id = key("no")


class Visitors(Transformer):
    class Meta:
        source = "old_visitors"
        model = Visitor
    legacy_id = key("no")
    place = link("places", "place_no")
""")
    ((id, message, _),) = found(TRANSFORMER_DISCOVERY_PATHS=[name])

    assert id == "etl_assets.E003"
    assert " depend on each other: " in message


def test_e004_each_transformer_that_cannot_be_carried_out_is_named(module):
    name = module("""
class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
    legacy_id = key("no")
    code = col("code")
    nam = col("name")


class Plains(Transformer):
    class Meta:
        source = "old_plain"
        model = Plain
    name = col("name")


class Visitors(Transformer):
    class Meta:
        source = "old_visitors"
        model = Visitor
    legacy_id = key("no")
""")
    with override_settings(ETL_CONFIG={"TRANSFORMER_DISCOVERY_PATHS": [name]}):
        messages = run_checks(tags=[TAG])

    assert [(one.id, one.msg) for one in messages] == [
        (
            "etl_assets.E004",
            f"{name}.Places.nam is no field of targets.Place. Did you mean 'name'? "
            "Its fields are id, legacy_id, code, name.",
        ),
        (
            "etl_assets.E004",
            f"{name}.Plains has no key: map one field with key(), or name several in Meta.key.",
        ),
    ]
    assert [one.obj.__name__ for one in messages] == ["Places", "Plains"]


def test_e006_an_owner_and_a_tag_are_found_before_dagster_refuses_them(module):
    name = module("""

class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        owners = ("team:town", "Bob")
        tags = {"tier": "very good"}
    legacy_id = key("no")
""")
    with override_settings(ETL_CONFIG={"TRANSFORMER_DISCOVERY_PATHS": [name]}):
        messages = run_checks(tags=[TAG])

    assert [(one.id, one.msg) for one in messages] == [
        (
            "etl_assets.E006",
            "Meta of Places has owner 'Bob', which Dagster does not take: "
            "write an e-mail address or 'team:name'.",
        ),
        (
            "etl_assets.E006",
            "Meta of Places has tag 'tier': 'very good', which Dagster does not take: "
            "use at most 63 letters, digits, '_', '-' and '.' for each.",
        ),
    ]
    assert [one.obj.__name__ for one in messages] == ["Places", "Places"]


@pytest.mark.parametrize(
    "program",
    [
        "import django; django.setup(); import django_project.hospital.transformers",
        "from django.core.management import execute_from_command_line as run; run(['manage.py', 'check'])",
    ],
    ids=["transformers", "check"],
)
def test_the_checks_cost_no_data_frames_and_no_dagster(program: str):
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print('\\n' + ' '.join(sys.modules))"],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "django_project.settings", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )

    loaded = set(done.stdout.splitlines()[-1].split())
    assert "etl_assets.columns" in loaded
    assert loaded.isdisjoint({"pandas", "pyarrow", "numpy", "dagster", "rich", "phonenumbers", "ftfy"})
