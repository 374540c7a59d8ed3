"""The full job as an author writes it: cleaned, validated, linked, merged."""

from __future__ import annotations

from etl_assets import Transformer, col, key, link

from .models import Department, Patient

NOTHING = ("", "-", "N/A")


class DepartmentTransformer(Transformer):
    class Meta:
        source = "legacy_departments"
        model = Department

    legacy_id = key("dept_id")
    code = col("code").strip().upper().matches(r"[A-Z]{2,8}")
    name = col("name").collapse_spaces()


class PatientTransformer(Transformer):
    class Meta:
        source = "legacy_patients"
        model = Patient
        order_by = ("patient_id", "registered_at")

    legacy_id = key("patient_id")
    number = col("hosp_no").strip().upper().matches(r"[A-Y][A-Z]\d{6}")
    first_name = col("first_name").collapse_spaces().title()
    last_name = col("last_name").collapse_spaces().title()
    date_of_birth = (
        col("date_of_birth")
        .strip()
        .null_if(*NOTHING, "0000-00-00")
        .date("%d/%m/%Y", "%Y-%m-%d")
        .between("1900-01-01", "today")
    )
    sex = col("gender").strip().upper().map({"M": "male", "F": "female", "O": "other"}, default="unknown")
    email = col("email").strip().null_if(*NOTHING).email()
    phone = col("phone").digits().null_if("").length(10, 12)
    address = col("address").collapse_spaces().null_if(*NOTHING)
    postcode = col("postcode").collapse_spaces().upper().null_if(*NOTHING)
    national_id = col("ssn").digits().null_if("").length(10, 10)
    department = link("departments", "dept_id")
    registered_at = col("registered_at").datetime("%Y-%m-%d %H:%M:%S", tz="UTC")
    notes = col("notes").strip().null_if(*NOTHING)
