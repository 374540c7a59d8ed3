"""Which checks a class has, told without a look at any data."""

from __future__ import annotations

import re

from etl_assets import Transformer, col, key, link, rule
from etl_assets.engine.checks import declared_checks
from tests.documents import CODE_SPAN, reference
from tests.targets.models import Place, Plain, Visitor


class Places(Transformer):
    class Meta:
        source = "old"
        model = Place

    legacy_id = key("id")

    @rule("is nowhere")
    def somewhere(self, rows):
        return rows["legacy_id"] > 0

    @rule("is far", severity="warning")
    def größe(self, rows):
        return rows["legacy_id"] > 0

    @rule("is near")
    def grösse(self, rows):
        return rows["legacy_id"] > 0


class Visitors(Transformer):
    class Meta:
        source = "old"
        model = Visitor

    legacy_id = key("id")
    place = link("places", "place")
    by_code = col("code")


class Plains(Transformer):
    class Meta:
        source = "old"
        model = Plain
        key = ("legacy_id", "name")

    legacy_id = col("id")
    name = col("name")


def names(transformer: type[Transformer]) -> list[str]:
    return [one.name for one in declared_checks(transformer._meta)]


def test_every_transformer_has_the_same_checks() -> None:
    assert names(Plains) == [
        "rows_accounted_for", "rejected_share", "null_share", "keys_unique", "matches_source"
    ]  # fmt: skip


def test_one_that_fills_foreign_keys_has_one_more_be_they_links_or_not() -> None:
    assert "no_orphans" in names(Visitors)
    described = {one.name: one.description for one in declared_checks(Visitors._meta)}
    assert described["no_orphans"] == "Each row's place, by_code is a row that is there, or null."


def test_each_rule_is_one_under_a_name_of_its_own_that_dagster_takes() -> None:
    rules = [name for name in names(Places) if name.startswith("rule_")]

    assert rules[0] == "rule_somewhere"
    assert len(set(rules)) == 3
    assert all(re.fullmatch(r"\w+", name, re.ASCII) for name in rules)
    assert rules == [name for name in names(Places) if name.startswith("rule_")]


def test_where_a_run_reads_what_is_new_a_rule_promises_no_more() -> None:
    class Changing(Places):
        class Meta(Places.Meta):
            watermark = "changed"

    told = {
        one: {check.name: check.description for check in declared_checks(one._meta)}["rule_somewhere"]
        for one in (Places, Changing)
    }

    assert told == {Places: "No row is nowhere.", Changing: "No row that the run reads is nowhere."}


def test_all_but_the_shares_of_nulls_may_block() -> None:
    assert {one.name for one in declared_checks(Visitors._meta) if not one.blocking} == {"null_share"}


def test_a_key_of_several_fields_is_named_whole() -> None:
    described = {one.name: one.description for one in declared_checks(Plains._meta)}

    assert described["keys_unique"] == "No two rows of the target have the same legacy_id, name."


def test_every_check_is_documented() -> None:
    listed = {CODE_SPAN.match(row[0])[1] for row in reference("check of a run")}  # type: ignore[index]
    there = {*names(Places), *names(Visitors)}

    assert listed == {"rule_…", *(name for name in there if not name.startswith("rule_"))}
