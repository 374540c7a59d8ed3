"""Staff look at runs and rejects, take them away as a file, and change nothing."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.utils.html import escape

from etl_assets import admin, download
from etl_assets.models import CheckResult, Reject, Run

pytestmark = pytest.mark.django_db

RAW = {"patient_id": 7, "ssn": "943 476 5919", "name": "Ada"}
STARTED = dt.datetime(2024, 1, 15, 14, 30, 12, tzinfo=dt.UTC)
RUNS = "/admin/etl_assets/run/"
REJECTS = "/admin/etl_assets/reject/"
MaxQueries = Callable[[int], AbstractContextManager[object]]


def make_run(run_id: str = "r1", transformer: str = "patients", **values: Any) -> Run:
    given = {"status": "success", "started_at": STARTED, "read": 2, "rejected": 1, **values}
    return Run.objects.create(run_id=run_id, transformer=transformer, **given)


def make_reject(run: Run, legacy_key: str = "7", **values: Any) -> Reject:
    given = {
        "transformer": run.transformer,
        "first_run": run,
        "field": "name",
        "code": "matches",
        "reason": "name: 'Ada' fails matches('[A-Z]+')",
        "raw": RAW,
        "digest": legacy_key,
        **values,
    }
    return Reject.objects.create(run=run, legacy_key=legacy_key, **given)


@pytest.fixture
def reject() -> Reject:
    run = make_run(
        finished_at=STARTED + dt.timedelta(seconds=4),
        reject_reasons={"name:matches": 1},
        stages={"bulk_create": {"seconds": 1.25, "count": 3}},
        options={"rollback": True, "batch_size": None},
    )
    return make_reject(run)


@pytest.fixture
def staff(client: Client) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="etl_assets", codename__startswith="view_")
    )
    client.force_login(user)
    return client


def shown(staff: Client, address: str, **query: object) -> str:
    response = staff.get(address, {name: str(value) for name, value in query.items()})
    assert response.status_code == 200
    return response.content.decode()


def keys(staff: Client, **query: object) -> list[str]:
    """The legacy keys of the rejects that a list shows."""
    response = staff.get(REJECTS, {name: str(value) for name, value in query.items()})
    assert response.status_code == 200
    return sorted(one.legacy_key for one in response.context["cl"].result_list)


# Runs


def test_runs_lead_to_their_rejects(staff: Client, reject: Reject) -> None:
    address = f"{REJECTS}?run__id__exact={reject.run.pk}"
    assert f'href="{address}"' in shown(staff, RUNS)
    assert "fails matches" in shown(staff, address)


def test_a_run_leads_to_its_rejects_by_reason(staff: Client, reject: Reject) -> None:
    make_reject(reject.run, "8", code="required")

    page = shown(staff, f"{RUNS}{reject.run.pk}/change/")

    query = f"run__id__exact={reject.run.pk}&field=name&code=matches"
    assert f'<td>name</td><td>matches</td><td><a href="{REJECTS}?{escape(query)}">1</a></td>' in page
    assert keys(staff, run__id__exact=reject.run.pk, field="name", code="matches") == ["7"]


def test_a_run_s_page_says_how_long_it_took_and_with_which_options(staff: Client, reject: Reject) -> None:
    page = shown(staff, f"{RUNS}{reject.run.pk}/change/")

    assert "4.00 s" in page
    assert "<td>bulk_create</td><td>1.250</td><td>3</td>" in page
    assert "<td>batch_size</td><td>null</td>" in page
    assert f'href="{RUNS}?run_id=r1"' in page


def test_a_run_that_has_not_ended_has_no_duration(staff: Client) -> None:
    run = make_run(status="running")

    assert " s</td>" not in shown(staff, RUNS)
    assert "rows per second" in shown(staff, f"{RUNS}{run.pk}/change/").lower()


def test_a_run_shows_its_checks_the_failed_ones_first(staff: Client) -> None:
    run = make_run()
    found = {"blocking": True, "description": "all is well", "severity": "error"}
    CheckResult.objects.create(run=run, name="balanced", passed=True, **found)
    found = {"blocking": False, "description": "2 rows are odd", "severity": "warning"}
    CheckResult.objects.create(run=run, name="odd", passed=False, samples=[{"key": "<7>", "n": 1}], **found)
    make_run("r2")

    page = shown(staff, f"{RUNS}{run.pk}/change/")

    odd = "<td>odd</td><td><strong>warning</strong></td><td>2 rows are odd</td>"
    assert f"{odd}<td><div>key: &lt;7&gt;, n: 1</div></td>" in page
    assert "<td>balanced</td><td>passed</td><td>all is well</td>" in page
    assert page.index("<td>odd</td>") < page.index("<td>balanced</td>")
    listed = staff.get(RUNS, {"o": "6"}).context["cl"].result_list
    assert {one.run_id: one.failed_checks for one in listed} == {"r1": 1, "r2": 0}


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (None, None),
        ("https://dagster.example.org/ui/", "https://dagster.example.org/ui/runs/r1"),
    ],
)
def test_a_run_leads_to_dagster_where_its_address_is_known(
    staff: Client, reject: Reject, url: str | None, link: str | None
) -> None:
    with override_settings(ETL_CONFIG={"DAGSTER_URL": url}):
        pages = [shown(staff, RUNS), shown(staff, f"{RUNS}{reject.run.pk}/change/")]

    for page in pages:
        assert ">r1<" in page
        assert ("/runs/r1" in page) is (link is not None)
        assert link is None or f'href="{link}"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 3),
        ({"status__exact": "failed"}, 1),
        ({"transformer": "places"}, 1),
        ({"started_at__year": "2023"}, 1),
        ({"q": "no such table"}, 1),
        ({"q": "r2"}, 2),
    ],
)
def test_runs_can_be_filtered_and_searched(staff: Client, query: dict[str, str], found: int) -> None:
    make_run("r1")
    make_run("r2", status="failed", error="there is no such table")
    make_run("r2", "places", started_at=dt.datetime(2023, 5, 1, tzinfo=dt.UTC))

    assert staff.get(RUNS, query).context["cl"].result_count == found


# Rejects


@pytest.mark.parametrize(("resolved", "found"), [("no", ["7"]), ("yes", ["8"])])
def test_open_rejects_can_be_told_from_resolved_ones(
    staff: Client, reject: Reject, resolved: str, found: list[str]
) -> None:
    make_reject(reject.run, "8", resolved_run=make_run("r2"))

    assert keys(staff, resolved=resolved) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"transformer": "places"}, ["3"]),
        ({"field": "name"}, ["1"]),
        ({"field": ""}, ["2"]),
        ({"code": "date"}, ["3"]),
        ({"field": "", "code": "date"}, []),
        ({"code": "no longer known"}, []),
        ({"q": "2"}, ["2"]),
        ({"q": "was never"}, ["2"]),
        ({"q": "DOB: '31"}, ["3"]),
        ({"q": "nothing like this"}, []),
    ],
)
def test_rejects_can_be_filtered_and_searched(staff: Client, query: dict[str, str], found: list[str]) -> None:
    patients = make_run(reject_reasons={"name:matches": 1, ":rule": 1})
    places = make_run(transformer="places", reject_reasons={"dob:date": 1})
    make_reject(patients, "1")
    make_reject(patients, "2", field="", code="rule", reason="was never born")
    make_reject(places, "3", field="dob", code="date", reason="dob: '31.2.' is no date, 2 of them")

    assert keys(staff, **query) == found


def test_filters_offer_what_runs_have_counted(staff: Client) -> None:
    make_run(reject_reasons={"name:matches": 1, ":rule": 1})
    make_run(transformer="places", reject_reasons={"dob:date": 1})
    make_run(transformer="clean", rejected=0)

    def offered(**query: str) -> dict[str, list[str]]:
        filters = staff.get(REJECTS, query).context["cl"].filter_specs
        return {one.parameter_name: [value for value, _ in one.lookup_choices] for one in filters}

    everything, of_places = offered(), offered(transformer="places")
    assert everything["transformer"] == ["patients", "places"]
    assert everything["field"] == ["", "dob", "name"]
    assert everything["code"] == ["date", "matches", "rule"]
    assert (of_places["field"], of_places["code"]) == (["dob"], ["date"])


def test_the_run_of_a_link_is_offered_though_it_is_old(
    staff: Client, reject: Reject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "OFFERED_RUNS", 1)
    make_run("newer", started_at=STARTED + dt.timedelta(days=1))

    assert keys(staff, run__id__exact=reject.run.pk) == ["7"]


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30])
def test_a_run_that_is_none_is_refused(staff: Client, reject: Reject, number: str) -> None:
    assert staff.get(REJECTS, {"run__id__exact": number}).status_code == 302


@override_settings(ETL_CONFIG={"SENSITIVE_COLUMNS": ["ssn"]})
def test_a_reject_shows_its_raw_row_masked(staff: Client, reject: Reject) -> None:
    page = shown(staff, f"{REJECTS}{reject.pk}/change/")
    assert "patient_id" in page
    assert "***" in page
    assert str(RAW["ssn"]) not in page


# The file


def export(staff: Client, chosen: Iterable[Reject] = (), **more: str) -> StreamingHttpResponse:
    data = {"action": "export", "_selected_action": [one.pk for one in chosen], **more}
    response = staff.post(REJECTS, data)
    assert (response.status_code, response.streaming) == (200, True)
    return cast(StreamingHttpResponse, response)


def text(response: StreamingHttpResponse) -> str:
    return b"".join(cast(Iterable[bytes], response.streaming_content)).decode()


def table(response: StreamingHttpResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(response).removeprefix("\ufeff"), newline="")))


@override_settings(ETL_CONFIG={"SENSITIVE_COLUMNS": ["ssn"]})
def test_chosen_rejects_are_exported_masked(staff: Client, reject: Reject) -> None:
    make_reject(reject.run, "8")
    loaded = make_reject(reject.run, "9", resolved_run=make_run("r2"), raw={"name": 'a,"b"\nü'})

    response = export(staff, [reject, loaded])

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="rejects.csv"'
    same = {
        "transformer": "patients",
        "field": "name",
        "code": "matches",
        "reason": reject.reason,
        "run": "r1",
    }
    assert table(response) == [
        {
            **same,
            "legacy_key": "7",
            "raw": '{"patient_id": 7, "ssn": "***", "name": "Ada"}',
            "resolved_run": "",
        },
        {**same, "legacy_key": "9", "raw": r'{"name": "a,\"b\"\nü"}', "resolved_run": "r2"},
    ]


def test_excel_is_told_the_encoding(staff: Client, reject: Reject) -> None:
    assert text(export(staff, [reject])).startswith("\ufefftransformer,legacy_key,")


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_all_that_a_list_finds_is_exported_in_chunks(
    staff: Client, reject: Reject, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "AT_ONCE", chunk)
    others = [make_reject(reject.run, key, code="date") for key in "abc"]

    data = {"action": "export", "_selected_action": [others[0].pk], "select_across": "1"}
    response = cast(StreamingHttpResponse, staff.post(f"{REJECTS}?code=date", data))

    assert [row["legacy_key"] for row in table(response)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        (" =1+1", "' =1+1"),
        ("\t=1", "'\t=1"),
        ("\r7", "'\r7"),
        ("＝1", "'＝1"),
        ("-7", "-7"),
        ("+44", "+44"),
        ("-7.5", "-7.5"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(staff: Client, reject: Reject, key: str, cell: str) -> None:
    wild = make_reject(reject.run, key, reason=key, field=key, digest="wild")

    (row,) = table(export(staff, [wild]))

    assert (row["legacy_key"], row["reason"], row["field"]) == (cell, cell, cell)


def test_an_export_holds_a_few_rows_only_in_memory(
    staff: Client, reject: Reject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "AT_ONCE", 50)
    run = reject.run
    Reject.objects.bulk_create(
        Reject(
            run=run,
            first_run=run,
            transformer="patients",
            legacy_key=str(n),
            raw={"x": "y" * 5_000},
            digest=n,
        )
        for n in range(1_000)
    )
    response = export(staff, [reject], select_across="1")

    tracemalloc.start()
    rows = sum(part.count(b'yyyy"') for part in cast(Iterable[bytes], response.streaming_content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert rows == 1_000
    assert peak < 2_000_000  # all of them are more than 5 MB


def test_an_asynchronous_server_sends_it_part_by_part_too(
    staff: Client, reject: Reject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "AT_ONCE", 1)
    make_reject(reject.run, "8")
    client = AsyncClient()
    client.cookies = staff.cookies
    data = {"action": "export", "_selected_action": [reject.pk], "select_across": "1"}

    async def parts() -> list[bytes]:
        response = cast(StreamingHttpResponse, await client.post(REJECTS, data))
        assert response.is_async
        return [part async for part in cast(AsyncIterator[bytes], response.streaming_content)]

    head, *rows = async_to_sync(parts)()
    assert head.decode().startswith("\ufefftransformer,")
    assert [row.split(b",")[1] for row in rows] == [b"7", b"8"]


# Permissions and speed


@pytest.mark.parametrize("model", ["run", "reject"])
def test_nothing_can_be_changed(staff: Client, reject: Reject, model: str) -> None:
    user = User.objects.get(username="viewer")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="etl_assets"))
    pk = {"run": reject.run.pk, "reject": reject.pk}[model]
    assert staff.get(f"/admin/etl_assets/{model}/add/").status_code == 403
    assert staff.post(f"/admin/etl_assets/{model}/{pk}/change/", {}).status_code == 403
    assert staff.post(f"/admin/etl_assets/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in shown(staff, f"/admin/etl_assets/{model}/")


def test_staff_without_the_permission_see_nothing(client: Client, reject: Reject) -> None:
    client.force_login(User.objects.create_user("other", is_staff=True))
    assert client.get(RUNS).status_code == 403
    assert client.get(REJECTS).status_code == 403
    data = {"action": "export", "_selected_action": [reject.pk]}
    assert client.post(REJECTS, data).status_code == 403


@pytest.mark.parametrize("address", [RUNS, REJECTS])
def test_a_longer_list_asks_no_more_queries(
    staff: Client, address: str, django_assert_max_num_queries: MaxQueries
) -> None:
    for number in range(40):
        run = make_run(f"r{number}", f"t{number}", reject_reasons={f"f{number}:c{number}": 1})
        make_reject(run, str(number), resolved_run=run, first_run=run)

    # session, user, permissions (2); count and rows; date drill-down or the filters of rejects
    with django_assert_max_num_queries(10):
        shown(staff, address)


@pytest.mark.parametrize("model", ["run", "reject"])
def test_a_record_s_page_asks_few_queries(
    staff: Client, reject: Reject, model: str, django_assert_max_num_queries: MaxQueries
) -> None:
    pk = {"run": reject.run.pk, "reject": reject.pk}[model]

    with django_assert_max_num_queries(8):
        shown(staff, f"/admin/etl_assets/{model}/{pk}/change/")


def test_no_list_counts_or_sorts_all_rejects_twice(
    staff: Client, reject: Reject, django_assert_max_num_queries: MaxQueries
) -> None:
    """Of 1,000,000 rejects the one count takes most of a page's time; filters read none of them."""
    with django_assert_max_num_queries(10) as asked:
        shown(staff, REJECTS, resolved="no")

    statements = [one["sql"].upper() for one in cast(Any, asked).captured_queries]
    of_rejects = [sql for sql in statements if 'FROM "ETL_ASSETS_REJECT"' in sql]
    assert sum("COUNT(" in sql for sql in of_rejects) == 1
    assert not any("DISTINCT" in sql for sql in of_rejects)
