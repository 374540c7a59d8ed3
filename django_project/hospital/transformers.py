"""How the old system's tables become the new records.

Departments come first, then patients, then appointments: `link` says so.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings

from etl_assets import Transformer, col, concat, key, link, rule, skip

from .models import Appointment, Department, Patient

CONFIG: dict[str, Any] = settings.ETL_CONFIG
IS_WATCHED = CONFIG.get("SENSORS", {}).get("ENABLED", False)

HOSPITAL_TIME = "Europe/London"
NOTHING = ("", "-", "N/A")
"""What the front desk typed where it had nothing to type."""


class DepartmentTransformer(Transformer):
    """Departments, the closed ones too: old files still name them."""

    class Meta:
        source = "legacy_departments"
        model = Department

    legacy_id = key("dept_id")
    code = col("code").strip().upper().matches(r"[A-Z]{2,8}")
    name = col("name").fix_encoding().collapse_spaces()
    building = col("building").collapse_spaces().null_if(*NOTHING)
    phone = col("phone").strip().null_if(*NOTHING).phone("GB")
    email = col("email").strip().null_if(*NOTHING).lower().email()
    opened_on = col("opened").strip().null_if(*NOTHING, "0000-00-00").date("%d/%m/%Y", "%Y-%m-%d")
    is_active = col("active").strip().boolean(true=("Y",), false=("N",))


class PatientTransformer(Transformer):
    """Everyone who was ever registered at the front desk."""

    class Meta:
        source = "legacy_patients"
        model = Patient
        # Where somebody was registered twice, the first file counts.
        order_by = ("patient_id", "registered_at")
        # With sensors on, a run reads only what has changed; otherwise each reads everything.
        watermark = "updated_at" if IS_WATCHED else None

    legacy_id = key("patient_id")
    number = col("hosp_no").strip().upper().matches(r"[A-Z]{2}\d{6}")
    national_id = col("ssn").digits().null_if("").length(10, 10)
    first_name = col("first_name").fix_encoding().collapse_spaces().title()
    last_name = col("last_name").fix_encoding().collapse_spaces().title()
    date_of_birth = (
        col("date_of_birth")
        .strip()
        .null_if(*NOTHING, "0000-00-00")
        .date("%d/%m/%Y", "%Y-%m-%d")
        .between("1900-01-01", "today")
    )
    sex = col("gender").strip().upper().map({"M": "male", "F": "female", "O": "other"}, default="unknown")
    email = col("email").strip().null_if(*NOTHING).email()
    phone = col("phone").strip().null_if(*NOTHING).phone("GB")
    address = col("address").fix_encoding().collapse_spaces().null_if(*NOTHING)
    postcode = (
        col("postcode")
        .collapse_spaces()
        .upper()
        .null_if(*NOTHING)
        .matches(r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}", severity="warning")
    )
    department = link("departments", "dept_id")
    registered_at = col("registered_at").datetime("%Y-%m-%d %H:%M:%S", tz=HOSPITAL_TIME)
    notes = col("notes").fix_encoding().strip().null_if(*NOTHING)

    @skip("test account")
    def test_accounts(self, rows):
        return rows["number"].str.startswith("ZZ")

    @rule("was registered before being born")
    def registered_after_birth(self, rows):
        registered_on = rows["registered_at"].dt.tz_convert(HOSPITAL_TIME).dt.date
        return registered_on >= rows["date_of_birth"]

    @rule("has an NHS number with a wrong check digit", severity="warning")
    def nhs_number_adds_up(self, rows):
        number = rows["national_id"]
        total = sum(number.str[place].astype("int16[pyarrow]") * (10 - place) for place in range(10))
        return total // 11 * 11 == total  # Arrow has no remainder


class AppointmentTransformer(Transformer):
    """Past and future visits. The old system wrote their times without an offset."""

    class Meta:
        source = "legacy_appointments"
        model = Appointment

    legacy_id = key("appt_id")
    patient = link("patients", "patient_id")
    department = link("departments", "dept_id", missing="null")
    starts_at = col("starts_at").strip().datetime("%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M", tz=HOSPITAL_TIME)
    ends_at = col("ends_at").strip().datetime("%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M", tz=HOSPITAL_TIME)
    status = (
        col("status")
        .strip()
        .upper()
        .map({"B": "booked", "C": "completed", "X": "cancelled", "DNA": "missed"})
    )
    clinician = concat("clinician_title", "clinician").fix_encoding().collapse_spaces()
    room = col("room").strip().upper().null_if(*NOTHING)
    fee = col("fee").strip().replace("£", "").null_if(*NOTHING).decimal(2)
    reason = col("reason").fix_encoding().strip().null_if(*NOTHING)

    @rule("lasts longer than a day", severity="warning")
    def is_short(self, rows):
        return rows["ends_at"] - rows["starts_at"] <= dt.timedelta(days=1)
