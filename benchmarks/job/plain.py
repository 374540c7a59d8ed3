"""The plain copy: no verb at all."""

from __future__ import annotations

from etl_assets import Transformer, col, key

from .models import PlainPatient


class PlainPatientTransformer(Transformer):
    class Meta:
        source = "plain_patients"
        model = PlainPatient
        name = "plain_patients"

    patient_id = key("patient_id")
    hosp_no = col("hosp_no")
    first_name = col("first_name")
    last_name = col("last_name")
    date_of_birth = col("date_of_birth")
    gender = col("gender")
    email = col("email")
    phone = col("phone")
    address = col("address")
    postcode = col("postcode")
    ssn = col("ssn")
    dept_id = col("dept_id")
    registered_at = col("registered_at")
    notes = col("notes")
