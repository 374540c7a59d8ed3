"""What the assets say of themselves before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from etl_assets import Query, Transformer, col, key, labels
from etl_assets.exceptions import ConfigurationError
from etl_assets.orchestration.assets import build_asset_specs, build_legacy_specs
from etl_assets.orchestration.jobs import build_definitions
from etl_assets.orchestration.specs import source_key
from etl_assets.registry import Registry, discover
from tests.integration.orchestration import visitors
from tests.targets.models import Country, Document


def transformer(**options: Any) -> type[Transformer]:
    """A transformer of documents with these options in its Meta."""
    meta = type("Meta", (), {"source": "old", "model": Document, **options})
    return type("MadeTransformer", (Transformer,), {"Meta": meta, "legacy_id": key("id"), "title": col("t")})


def graph(registry: Registry) -> dict[str, set[str]]:
    """Each asset and what it depends on, as the UI draws it."""
    assets = build_definitions(registry).resolve_asset_graph()
    return {
        one.key.to_user_string(): {up.to_user_string() for up in one.parent_keys}
        for one in assets.asset_nodes
    }


def test_the_hospital_is_drawn_from_its_legacy_tables_on() -> None:
    assert graph(discover()) == {
        "legacy/legacy_departments": set(),
        "legacy/legacy_patients": set(),
        "legacy/legacy_appointments": set(),
        "departments": {"legacy/legacy_departments"},
        "patients": {"legacy/legacy_patients", "departments"},
        "appointments": {"legacy/legacy_appointments", "patients", "departments"},
    }


def test_after_is_a_dependency_too() -> None:
    assert graph(visitors.REGISTRY)["badges"] == {"legacy/old_badges", "visitors", "documents"}


def test_legacy_tables_are_external_and_cannot_be_run() -> None:
    assets = build_definitions(visitors.REGISTRY).resolve_asset_graph()

    external = {node.key.to_user_string() for node in assets.asset_nodes if node.is_external}
    assert external == {
        "legacy/old_places",
        "legacy/old_visitors",
        "legacy/old_badges",
        "legacy/old_documents",
    }
    assert {assets.get(dg.AssetKey(["legacy", "old_places"])).group_name} == {"legacy"}


def test_two_transformers_of_one_table_share_its_asset() -> None:
    class CountryTransformer(Transformer):
        class Meta:
            source = "old"
            model = Country

        code = key("t")

    specs = build_legacy_specs(Registry([transformer(), CountryTransformer]))

    assert [spec.key.path for spec in specs] == [["legacy", "old"]]


SOURCES = [
    "staff",
    "hr.staff",
    "hr_staff",
    "my staff",
    "my-staff",
    "my_staff",
    '"hr"."staff"',
    "Personal Stammdaten/2",
    "überweisung",
    "uberweisung",
    "a..b",
    Query("select 1 as id"),
    "query",
    "query-documents",
    "query_documents",
]


def test_every_table_name_makes_a_key_of_its_own() -> None:
    keys = [source_key(transformer(source=source)._meta) for source in SOURCES]

    assert len(set(keys)) == len(SOURCES)
    assert [one.path for one in keys[:2]] == [["legacy", "staff"], ["legacy", "hr", "staff"]]
    assert keys[SOURCES.index("my staff")].path != keys[SOURCES.index("my-staff")].path
    assert keys[SOURCES.index(Query("select 1 as id"))].path == ["legacy", "query-documents"]
    for one in keys:
        assert all(part.isascii() and part.replace("-", "_").isidentifier() for part in one.path)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_dagster_takes_every_source(source: Any) -> None:
    dg.Definitions.validate_loadable(build_definitions(Registry([transformer(source=source)])))


HOSTILE_NAMES = [
    *("type", "context", "class", "in", "conf", "config", "x", "a__b"),
    *("migrate_legacy_data", "dry_run_legacy_data", "rehearse_transformers", "observe_legacy_tables"),
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_dagster_takes_every_name(name: str) -> None:
    definitions = build_definitions(Registry([transformer(name=name)]))

    dg.Definitions.validate_loadable(definitions)
    assert dg.AssetKey(name) in definitions.resolve_asset_graph().materializable_asset_keys


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_dagster_takes_every_name_of_an_upstream_transformer(name: str) -> None:
    upstream = transformer(name=name)
    downstream = transformer(name="downstream", after=(name,))

    definitions = build_definitions(Registry([upstream, downstream]))

    dg.Definitions.validate_loadable(definitions)
    parents = definitions.resolve_asset_graph().get(dg.AssetKey("downstream")).parent_keys
    assert parents == {dg.AssetKey(name), source_key(downstream._meta)}


def test_a_spec_says_what_is_known_beforehand() -> None:
    (spec,) = [one for one in build_asset_specs(visitors.REGISTRY) if one.key == dg.AssetKey("places")]

    assert spec.description == "Where people go.\n\nTwo lines about it."
    assert spec.group_name == "town"
    assert list(spec.owners) == ["team:town-hall", "clerk@example.org"]
    assert spec.tags["tier"] == "gold"
    assert spec.kinds == {"django", "sqlite"}
    assert spec.metadata["dagster/table_name"] == "targets_place"
    assert spec.metadata["source"] == "old_places"
    assert spec.metadata["model"] == "targets.Place"


def test_a_class_without_a_docstring_has_no_description() -> None:
    (spec,) = [one for one in build_asset_specs(visitors.REGISTRY) if one.key == dg.AssetKey("badges")]

    assert spec.description is None
    assert spec.group_name == "targets"


def test_columns_are_described_by_the_model() -> None:
    (spec,) = [one for one in build_asset_specs(discover()) if one.key == dg.AssetKey("patients")]

    columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
    assert list(columns)[:2] == ["id", "legacy_id"]
    assert columns["number"].description == "Two letters and six digits, on every label."
    assert columns["number"].type == "varchar(12)"
    assert columns["number"].constraints.unique
    assert not columns["number"].constraints.nullable
    assert columns["date_of_birth"].constraints.nullable
    assert columns["department_id"].description == "Department that keeps the file."
    assert columns["sex"].constraints.other == ["one of 'female', 'male', 'other', 'unknown'"]


def test_the_asset_leads_to_its_source_code() -> None:
    (spec,) = [one for one in build_asset_specs(visitors.REGISTRY) if one.key == dg.AssetKey("places")]

    (reference,) = spec.metadata["dagster/code_references"].code_references
    line = Path(reference.file_path).read_text().splitlines()[reference.line_number - 1]
    assert line == "class PlaceTransformer(Troubled):"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"owners": ("team:x", "Bob")},
            "Meta of MadeTransformer has owner 'Bob', which Dagster does not take: "
            "write an e-mail address or 'team:name'.",
        ),
        (
            {"group": "front desk"},
            "Meta of MadeTransformer has group 'front desk', which Dagster does not take: "
            "use letters, digits and underscores.",
        ),
        (
            {"tags": {"tier": "very good"}},
            "Meta of MadeTransformer has tag 'tier': 'very good', which Dagster does not take: "
            "use at most 63 letters, digits, '_', '-' and '.' for each.",
        ),
    ],
)
def test_what_dagster_refuses_is_said_of_the_transformer(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_asset_specs(Registry([transformer(**options)]))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"owners": (owner,)}
            for owner in (
                *("a@b.org", "first.last+x@sub.example.museum", "team:a", "team:front desk", "team:", "Bob"),
                *("a@b", "a@b.c", "@b.org", "a b@c.org", "a@b.org ", "ä@b.org", "a@b.toolongone"),
            )
        ),
        *({"group": group} for group in ("a", "a_1", "a/b", "a//b", "/a", "a b", "zölle", "a-b")),
        *(
            {"tags": {name: "x"}}
            for name in ("a", "a.b-c_d", "a/b", "a/b/c", "dagster/kind/x", "a b", "", "n" * 63, "n" * 64, "ö")
        ),
        *({"tags": {"tier": value}} for value in ("", "a.b-c_d", "a b", "v" * 63, "v" * 64, "ö", "a/b")),
    ],
    ids=str,
)
def test_the_system_check_refuses_what_dagster_refuses(options: dict[str, Any]) -> None:
    meta = transformer(**options)._meta
    try:
        dg.AssetSpec("it", owners=list(meta.owners), group_name=meta.group, tags=meta.tags)
        is_taken = True
    except dg.DagsterInvalidDefinitionError:
        is_taken = False

    assert bool(list(labels.problems(meta))) is not is_taken


def test_options_are_explained_in_the_launchpad() -> None:
    job = build_definitions(visitors.REGISTRY).resolve_job_def("migrate_legacy_data")

    schema: Any = job.run_config_schema.config_type
    for name in ("resources", "options", "config"):
        schema = schema.fields[name].config_type
    options = schema.fields
    assert set(options) == {"batch_size", "validation", "rollback", "full", "match_rows", "match_all"}
    assert all(len(field.description) > 20 for field in options.values())
    assert not any(field.is_required for field in options.values())
