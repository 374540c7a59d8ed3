"""Sensors: what they call a change, what they launch, and what they say when they launch nothing."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest
from django.db import connections

from etl_assets import Query, Transformer, col, key
from etl_assets.exceptions import SourceError
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.integration.orchestration.ticks import chosen, launched, location, sensor_tick
from tests.integration.orchestration.visitors import PlaceTransformer, VisitorTransformer
from tests.postgres import Server
from tests.targets.models import Document, Place

PLACES = "watch__legacy__old_places"


def write(sql: str) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(sql)


def watermarked(source: Any = "marked_places") -> Registry:
    class Places(Transformer):
        class Meta:
            source = "marked_places"
            model = Place
            watermark = "updated_at"

        legacy_id = key("id")
        code = col("code")

    return Registry([Places, VisitorTransformer])


def marked_places(kind: str = "varchar(19)") -> None:
    write(f"CREATE TABLE marked_places (id integer primary key, code varchar(9), updated_at {kind})")
    write("INSERT INTO marked_places VALUES (1, 'A', '2024-05-01 10:00:00'), (2, 'B', '2024-05-02 09:30:00')")
    write("INSERT INTO marked_places VALUES (3, 'C', NULL)")


# What there is


def test_there_is_one_for_each_source_and_off(settings: Any) -> None:
    sensors = {one.name: one for one in location().sensor_defs}

    assert set(sensors) == {
        PLACES, "watch__legacy__old_visitors", "watch__legacy__old_badges", "watch__legacy__old_documents"
    }  # fmt: skip
    assert {one.default_status for one in sensors.values()} == {dg.DefaultSensorStatus.STOPPED}
    assert {one.minimum_interval_seconds for one in sensors.values()} == {60}
    assert {one.job_name for one in sensors.values()} == {"migrate_legacy_data"}


def test_a_setting_switches_them_on(settings: Any) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SENSORS": {"ENABLED": True, "INTERVAL": 5}}

    sensors = location().sensor_defs

    assert {one.default_status for one in sensors} == {dg.DefaultSensorStatus.RUNNING}
    assert {one.minimum_interval_seconds for one in sensors} == {5}


def test_names_are_fit_for_dagster_whatever_the_source_is_called() -> None:
    def reading(name_: str, source_: Any) -> type[Transformer]:
        class One(Transformer):
            class Meta:
                source = source_
                model = Document
                name = name_

            legacy_id = key("id")

        return One

    sources = ["hr.staff", "Übersicht 2", "staff", Query("SELECT 1 AS id")]
    registry = Registry([reading(f"t{number}", source) for number, source in enumerate(sources)])

    names = [one.name for one in location(registry).sensor_defs]

    assert len(set(names)) == 4
    assert {"watch__legacy__hr__staff", "watch__legacy__staff", "watch__legacy__query__t3"} < set(names)


# What is a change


def test_the_first_tick_launches_the_source_and_all_that_depends_on_it(
    town: Pair, history: dg.DagsterInstance
) -> None:
    tick = sensor_tick(PLACES, history)

    (request,) = tick.run_requests
    assert chosen(request) == {"places", "visitors", "badges"}
    assert request.tags["etl_assets/change"] == "'old_places' in database 'legacy': rows 4, highest id 4"
    assert json.loads(tick.cursor) == {"figures": {"rows": 4, "highest id": 4}, "launched": 1}


def test_what_has_not_changed_is_not_launched_twice(town: Pair, history: dg.DagsterInstance) -> None:
    cursor = sensor_tick(PLACES, history).cursor

    tick = sensor_tick(PLACES, history, cursor)

    assert tick.run_requests == []
    assert tick.skip_message == (
        "Nothing has changed in 'old_places' in database 'legacy': still rows 4, highest id 4."
    )


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO old_places VALUES (9, 'I', 'Inn')",
        "DELETE FROM old_places WHERE id = 1",
        "UPDATE old_places SET id = 5 WHERE id = 4",
    ],
)
def test_without_a_watermark_rows_and_keys_tell(town: Pair, history: dg.DagsterInstance, change: str) -> None:
    first = sensor_tick(PLACES, history)
    write(change)

    (request,) = sensor_tick(PLACES, history, first.cursor).run_requests

    assert request.run_key != first.run_requests[0].run_key


def test_the_same_tick_evaluated_again_has_the_same_run_key(town: Pair, history: dg.DagsterInstance) -> None:
    """As happens where the daemon dies between launching and keeping the cursor."""
    first, again = sensor_tick(PLACES, history), sensor_tick(PLACES, history)

    assert first.run_requests[0].run_key == again.run_requests[0].run_key


def test_figures_that_were_there_before_are_news_again(town: Pair, history: dg.DagsterInstance) -> None:
    cursor, keys = None, []
    for change in (
        "SELECT 1",
        "DELETE FROM old_places WHERE id = 2",
        "INSERT INTO old_places VALUES (2, 'E', '')",
    ):
        write(change)
        tick = sensor_tick(PLACES, history, cursor)
        cursor = tick.cursor
        keys += [one.run_key for one in tick.run_requests]

    assert len(set(keys)) == 3


def test_a_watermark_tells_also_of_rows_that_stay(pair: Pair, history: dg.DagsterInstance) -> None:
    marked_places("timestamp")
    registry, name = watermarked(), "watch__legacy__marked_places"
    first = sensor_tick(name, history, registry=registry)
    still = sensor_tick(name, history, first.cursor, registry)
    write("UPDATE marked_places SET code = 'Z', updated_at = '2024-05-03 08:00:00' WHERE id = 1")

    third = sensor_tick(name, history, first.cursor, registry)

    assert list(json.loads(first.cursor)["figures"]) == ["highest updated_at"]
    assert "2024-05-02" in json.loads(first.cursor)["figures"]["highest updated_at"]
    assert still.run_requests == []
    assert [chosen(one) for one in third.run_requests] == [{"places", "visitors"}]
    assert "2024-05-03" in third.run_requests[0].tags["etl_assets/change"]


def test_an_empty_source_is_no_trouble(town: Pair, history: dg.DagsterInstance) -> None:
    write("DELETE FROM old_places")

    tick = sensor_tick(PLACES, history)

    assert json.loads(tick.cursor)["figures"] == {"rows": 0, "highest id": None}


def test_a_query_is_watched_by_its_rows_and_key(town: Pair, history: dg.DagsterInstance) -> None:
    class Upper(Transformer):
        class Meta:
            source = Query("SELECT id, title FROM old_documents WHERE id > 7")
            model = Document

        legacy_id = key("id")
        title = col("title")

    tick = sensor_tick("watch__legacy__query__documents", history, registry=Registry([Upper]))

    assert json.loads(tick.cursor)["figures"] == {"rows": 1, "highest id": 8}


# What holds a launch up


def test_a_change_waits_for_the_end_of_the_last_run(town: Pair, history: dg.DagsterInstance) -> None:
    run = launched(history, dg.DagsterRunStatus.NOT_STARTED, **{"dagster/sensor_name": PLACES})

    tick = sensor_tick(PLACES, history)

    assert tick.run_requests == []
    assert tick.cursor is None
    assert tick.skip_message == (
        "There is news in 'old_places' in database 'legacy': rows 4, highest id 4. It waits for the end of "
        f"run {run.run_id}, which this sensor launched before."
    )


def test_a_server_that_is_away_is_a_skip(
    town_on_postgres: Pair, history: dg.DagsterInstance, stoppable_postgres: Server
) -> None:
    connections.close_all()
    stoppable_postgres.stop()

    tick = sensor_tick(PLACES, history)

    assert tick.run_requests == []
    assert tick.skip_message is not None
    assert tick.skip_message.startswith("Database 'legacy' cannot be reached (")
    assert tick.skip_message.endswith("see that it is up and that DATABASES is right.")


def test_a_table_that_is_gone_fails_the_tick_with_a_sentence(town: Pair, history: dg.DagsterInstance) -> None:
    write("DROP TABLE old_places")

    with pytest.raises(SourceError, match=r"^Database 'legacy' has no table or view 'old_places'\."):
        sensor_tick(PLACES, history)


def test_a_database_that_turns_us_away_fails_the_tick_with_a_sentence(
    town_on_postgres: Pair, history: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["legacy"].settings_dict, "NAME", "nowhere")

    with pytest.raises(SourceError) as caught:
        sensor_tick(PLACES, history)

    message = str(caught.value)
    assert message.startswith("Database 'legacy' refuses the work: ")
    assert 'database "nowhere" does not exist' in message


def test_a_watermark_that_is_no_column_fails_the_tick_with_a_sentence(
    town: Pair, history: dg.DagsterInstance
) -> None:
    write("CREATE TABLE marked_places (id integer primary key, code varchar(9), update_at varchar(19))")

    with pytest.raises(SourceError) as caught:
        sensor_tick("watch__legacy__marked_places", history, registry=watermarked())

    assert str(caught.value) == (
        "'marked_places' in database 'legacy' has no column 'updated_at', the watermark of 'places'. "
        "Did you mean 'update_at'? Check Meta.watermark."
    )


def test_the_sources_of_several_transformers_are_watched_once(town: Pair) -> None:
    class OtherPlaces(Transformer):
        class Meta:
            source = "old_places"
            model = Document
            name = "place_names"

        legacy_id = key("id")
        title = col("name")

    registry = Registry([PlaceTransformer, OtherPlaces])

    assert [one.name for one in location(registry).sensor_defs] == [PLACES]
