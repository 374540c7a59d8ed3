"""Source -> verbs -> target: the table that each asset shows, and its column lineage."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from etl_assets import Transformer, col, concat, const, key, link
from etl_assets.columns import Expression
from etl_assets.orchestration.mapping import as_written
from etl_assets.orchestration.specs import build_asset_specs
from etl_assets.registry import Registry, discover
from tests.integration.orchestration import visitors
from tests.targets.models import Visitor


def plain_double(value: Any) -> Any:
    return 2 * value


WRITTEN: list[tuple[Expression, str]] = [
    (key("patient_id"), "key('patient_id')"),
    (col("a").strip().collapse_spaces(), "col('a').strip().collapse_spaces()"),
    (col("a").matches(r"[A-Z]{2}\d{6}"), r"col('a').matches(r'[A-Z]{2}\d{6}')"),
    (col("a").matches("x", severity="warning"), "col('a').matches('x', severity='warning')"),
    (col("a").replace("£", ""), "col('a').replace('£', '')"),
    (col("a").replace(r"\s", "", regex=True), r"col('a').replace(r'\s', '', regex=True)"),
    (col("a").decimal(2, round=True), "col('a').decimal(2, round=True)"),
    (col("a").decimal(2), "col('a').decimal(2)"),
    (col("a").boolean(), "col('a').boolean()"),
    (col("a").boolean(true="J", false=("N", "")), "col('a').boolean(true=('J',), false=('N', ''))"),
    (col("a").date("%d/%m/%Y", "%Y"), "col('a').date('%d/%m/%Y', '%Y')"),
    (col("a").datetime(tz="Europe/London"), "col('a').datetime(tz='Europe/London')"),
    (col("a").map({"M": 1}), "col('a').map({'M': 1})"),
    (col("a").map({"M": 1}, default=None), "col('a').map({'M': 1}, default=None)"),
    (col("a").null_if("", "-").default(0), "col('a').null_if('', '-').default(0)"),
    (col("a").apply(plain_double), "col('a').apply(plain_double)"),
    (col("a").between(None, "today").required(), "col('a').between(None, 'today').required()"),
    (col("a").one_of("x", "y", severity="warning"), "col('a').one_of('x', 'y', severity='warning')"),
    (col("a").phone("gb").truncate(3).length(1, 2), "col('a').phone('GB').truncate(3).length(1, 2)"),
    (concat("a", "b"), "concat('a', 'b')"),
    (concat("a", col("b").strip(), sep=", ").lower(), "concat('a', col('b').strip(), sep=', ').lower()"),
    (const("x").upper(), "const('x').upper()"),
    (link("places", "place_id"), "link('places', 'place_id')"),
    (link("places", "id", missing="null").required(), "link('places', 'id', missing='null').required()"),
    (link("places", col("id").digits()), "link('places', col('id').digits())"),
]


@pytest.mark.parametrize(("expression", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_an_expression_is_shown_as_its_author_wrote_it(expression: Expression, text: str) -> None:
    assert as_written(expression) == text
    # It is Python: read again, it says the same.
    names = {
        "col": col, "key": key, "concat": concat, "const": const, "link": link, "plain_double": plain_double
    }  # fmt: skip
    assert eval(text, names) == expression


def test_a_code_list_is_cut() -> None:
    text = as_written(col("a").map(dict.fromkeys(range(1000), "x" * 20)))

    assert text.startswith("col('a').map({0: 'xxxx")
    assert text.endswith("…)")
    assert len(text) < 250


def spec_of(registry: Registry, name: str) -> dg.AssetSpec:
    (spec,) = [one for one in build_asset_specs(registry) if one.key == dg.AssetKey(name)]
    return spec


def test_the_table_has_a_row_for_each_field() -> None:
    table = spec_of(discover(), "patients").metadata["column_mapping"]

    rows = {record.data["target"]: record.data for record in table.records}
    assert list(rows)[:3] == ["legacy_id", "number", "national_id"]
    assert rows["number"] == {
        "target": "number",
        "source": "hosp_no",
        "verbs": r"col('hosp_no').strip().upper().matches(r'[A-Z]{2}\d{6}')",
        "type": "varchar(12)",
        "help": "Two letters and six digits, on every label.",
    }
    assert rows["department"]["verbs"] == "link('departments', 'dept_id')"
    assert rows["id"] == {
        "target": "id", "source": "", "verbs": "not mapped", "type": "integer", "help": ""
    }  # fmt: skip
    assert [column.name for column in table.schema.columns] == ["target", "source", "verbs", "type", "help"]


def test_several_source_columns_stand_in_one_cell() -> None:
    table = spec_of(discover(), "appointments").metadata["column_mapping"]

    (clinician,) = [record.data for record in table.records if record.data["target"] == "clinician"]
    assert clinician["source"] == "clinician_title, clinician"


def deps(lineage: dg.TableColumnLineage) -> dict[str, set[tuple[str, str]]]:
    return {
        column: {(dep.asset_key.to_user_string(), dep.column_name) for dep in found}
        for column, found in lineage.deps_by_column.items()
    }


def test_lineage_leads_to_legacy_columns_and_to_linked_parents() -> None:
    lineage = deps(spec_of(discover(), "appointments").metadata["dagster/column_lineage"])

    table = "legacy/legacy_appointments"
    assert lineage["patient_id"] == {(table, "patient_id"), ("patients", "id"), ("patients", "legacy_id")}
    assert lineage["clinician"] == {(table, "clinician_title"), (table, "clinician")}
    assert lineage["fee"] == {(table, "fee")}
    assert "id" not in lineage


def test_a_link_to_nobody_costs_the_lineage_of_its_parent_only() -> None:
    class LostTransformer(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor

        legacy_id = key("id")
        place = link("nowhere", "place_id")

    lineage = deps(spec_of(Registry([LostTransformer]), "visitors").metadata["dagster/column_lineage"])

    assert lineage["place_id"] == {("legacy/old_visitors", "place_id")}


def test_lineage_names_assets_that_there_are() -> None:
    for registry in (discover(), visitors.REGISTRY):
        for spec in build_asset_specs(registry):
            known = {dep.asset_key for dep in spec.deps}
            named = {
                dep.asset_key
                for found in spec.metadata["dagster/column_lineage"].deps_by_column.values()
                for dep in found
            }
            assert named <= known
