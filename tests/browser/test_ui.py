"""Runs of the command in Dagster's UI and in the admin, as people see them, and what they can do there."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.browser.conftest import PASSWORD, SCREENSHOTS, House
from tests.servers import LOCATION, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

SCHEDULE = "every_minute"
SENSOR = "watch__legacy__legacy_appointments"
LINEAGE = "assets/appointments?view=lineage&lineageScope=upstream&lineageDepth=5"
WEIGHTS = range(10, 0, -1)
"""Of the digits of an NHS number; the sum is a multiple of 11."""


def visit(page: Page, address: str, *texts: str) -> None:
    """Open a page of Dagster's and wait until it has these texts and nothing is loading any more."""
    page.goto(address, wait_until="domcontentloaded")
    for text in texts:
        page.get_by_text(text, exact=True).first.wait_for()
    page.get_by_text("Loading").first.wait_for(state="detached")


def node(page: Page, name: str) -> Locator:
    """An asset in the lineage, by its name."""
    title = page.get_by_text(name, exact=True)
    return page.locator("foreignObject").filter(has=title).filter(has_text="Asset checks").last


def switch(page: Page, house: House, kind: str, name: str) -> None:
    """Turn a schedule or a sensor on or off."""
    visit(page, f"{house.dagster}/automation", name)
    entry = page.locator(f"a[href='/locations/{LOCATION}/{kind}/{name}']")
    entry.locator("xpath=following-sibling::div").locator("label").click()


def log_in(page: Page, house: House) -> None:
    page.goto(f"{house.django}/admin/")
    page.get_by_label("Username").fill("matron")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


@pytest.fixture(scope="module", autouse=True)
def _schedule_on(chromium: Browser, house: House) -> Iterator[None]:
    """Switch the schedule on before all tests: it has a minute to tick while they do other things."""
    context = chromium.new_context()
    switch(context.new_page(), house, "schedules", SCHEDULE)
    yield
    context.close()


# What the command did


def test_lineage_leads_from_legacy_tables_to_records(page: Page, house: House) -> None:
    visit(page, f"{house.dagster}/{LINEAGE}", "legacy_departments", "legacy_patients", "legacy_appointments")

    for name, passed in (("departments", "5 / 5"), ("patients", "5 / 8"), ("appointments", "6 / 7")):
        box = node(page, name)
        box.get_by_text(f"{passed} Passed").wait_for()
        box.get_by_text("Materialized").wait_for()


def test_the_run_s_page_lists_its_steps(page: Page, house: House) -> None:
    visit(page, f"{house.dagster}/runs/{house.command_run}", "Success", "Succeeded (3)")

    page.get_by_text("Succeeded (3)").click()
    for name in ("departments", "patients", "appointments"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("RUN_SUCCESS").wait_for()


def test_a_failing_check_shows_its_offenders(page: Page, house: House) -> None:
    visit(page, f"{house.dagster}/assets/patients?view=checks", "rule_nhs_number_adds_up")
    page.get_by_text("rule_nhs_number_adds_up").first.click()
    page.get_by_text("has an NHS number with a wrong check digit").first.wait_for()
    page.get_by_text("offenders", exact=True).first.wait_for()

    samples = page.locator("tr", has_text="samples").locator("td")
    samples.first.wait_for()
    shown = {text for text in samples.all_inner_texts() if re.fullmatch(r"\d{6}", text)}
    assert shown == wrong_nhs_numbers(house)
    assert len(shown) == 2


def wrong_nhs_numbers(house: House) -> set[str]:
    """Legacy keys of the patients that were loaded with a number that does not add up."""
    loaded = {key for (key,) in house.rows("default", "SELECT legacy_id FROM hospital_patient")}
    found = set()
    for key, number in house.rows("legacy", "SELECT patient_id, ssn FROM legacy_patients"):
        digits = re.sub(r"\D", "", number or "")
        if key in loaded and digits and sum(map(int.__mul__, map(int, digits), WEIGHTS)) % 11:
            found.add(str(key))
    return found


def test_the_admin_leads_to_dagster_and_back(page: Page, house: House) -> None:
    log_in(page, house)
    page.goto(f"{house.django}/admin/etl_assets/run/?run_id={house.command_run}&transformer=patients")
    page.locator("th.field-transformer a").click()
    page.get_by_text("9 of 400 rows were rejected").wait_for()
    page.screenshot(path=SCREENSHOTS / "run_in_the_admin.png", full_page=True)

    page.get_by_role("link", name=house.command_run).click()
    page.get_by_text("RUN_SUCCESS").wait_for()

    visit(page, f"{house.dagster}/assets/patients?view=events", "rows_per_second")
    link = page.locator(f"a[href*='run_id={house.command_run}']").first
    with page.context.expect_page() as opened:
        link.click()
    back = opened.value
    back.get_by_text("1 run", exact=False).first.wait_for()
    assert back.locator("th.field-transformer").all_inner_texts() == ["patients"]


def test_rejects_are_found_and_taken_away_as_a_file(page: Page, house: House) -> None:
    log_in(page, house)
    page.goto(f"{house.django}/admin/etl_assets/reject/?transformer=appointments&field=patient")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Go").click()

    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        found = [row["legacy_key"] for row in csv.DictReader(file)]
    patients = {key for (key,) in house.rows("default", "SELECT legacy_id FROM hospital_patient")}
    visits = house.rows("legacy", "SELECT appt_id, patient_id FROM legacy_appointments")
    assert sorted(found) == sorted({str(key) for key, patient in visits if patient not in patients})


# What can be done there


# Each of these loads appointments only, while the schedule may be loading departments.


def test_materialize_loads_what_has_changed(page: Page, house: House) -> None:
    ((key,),) = house.rows("default", "SELECT max(legacy_id) FROM hospital_appointment")
    house.rows("legacy", "UPDATE legacy_appointments SET room = 'q7 ' WHERE appt_id = ?", key)
    before = {run.run_id for run in house.runs()}

    visit(page, f"{house.dagster}/assets/appointments", "Row count")
    page.get_by_role("button", name="Materialize").first.click()

    def new() -> list[dg.DagsterRun]:
        runs = [run for run in house.runs() if run.run_id not in before]
        return [run for run in runs if run.is_finished and "dagster/schedule_name" not in run.tags]

    wait_for(new, house.log)
    query = "SELECT room FROM hospital_appointment WHERE legacy_id = ?"
    assert house.rows("default", query, key) == [("Q7",)]
    visit(page, f"{house.dagster}/assets/appointments?view=events", new()[0].run_id[:8], "updated")


def test_a_sensor_ticks(page: Page, house: House) -> None:
    switch(page, house, "sensors", SENSOR)
    run = house.wait_for_run(dagster_sensor_name=SENSOR)
    switch(page, house, "sensors", SENSOR)

    visit(page, f"{house.dagster}/locations/{LOCATION}/sensors/{SENSOR}", run.run_id[:8])


def test_a_schedule_ticks(page: Page, house: House) -> None:
    run = house.wait_for_run(dagster_schedule_name=SCHEDULE)
    switch(page, house, "schedules", SCHEDULE)

    visit(page, f"{house.dagster}/locations/{LOCATION}/schedules/{SCHEDULE}", run.run_id[:8])


def test_a_run_of_the_command_can_be_repeated(page: Page, house: House) -> None:
    visit(page, f"{house.dagster}/runs/{house.command_run}", "Success")
    page.get_by_role("button", name=re.compile("Re-execute all")).click()

    again = house.wait_for_run(dagster_parent_run_id=house.command_run)
    assert {key.to_user_string() for key in again.asset_selection or ()} == {
        "departments", "patients", "appointments"
    }  # fmt: skip
    visit(page, f"{house.dagster}/runs/{again.run_id}", "Success")
    page.get_by_text("RUN_SUCCESS").wait_for()
