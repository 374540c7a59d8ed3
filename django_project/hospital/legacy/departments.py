"""The departments: the same twenty in every legacy database, as untidy as the old system left them."""

from __future__ import annotations

from collections.abc import Iterator

from .chance import Row

COLUMNS = ("dept_id", "code", "name", "building", "phone", "email", "opened", "active")

DEPARTMENTS = (
    (10, "AE", "Emergency", "Main, ground floor", "0113 496 0100", "ae@example.org", "01/04/1968", "Y"),
    (20, "CARD", "Cardiology", "Main, 2nd floor", "0113 496 0120", "heart@example.org", "12/09/1974", "Y"),
    (30, "DERM", "Dermatology", "West Wing", "(0113) 4960130", "skin@example.org", "03/05/1981", "Y"),
    (40, "ENT", "Ear, Nose and Throat", "West Wing", "0113 496 0140", "ENT@example.org", "1981-05-03", "Y"),
    (50, "ENDO", "Endocrinology ", "Main,  3rd floor", "0113 496 0150", None, "17/10/1990", "Y"),
    (60, "GAST", "Gastroenterology", "Main, 3rd floor", "0113-496-0160", "gi@example.org", "17/10/1990", "Y"),
    (70, "GER", "Care of the Elderly", "Beckett House", "0113 496 0170", None, "0000-00-00", "Y"),
    (80, "GYN", "Gynaecology", "Women's Centre", "0113 496 0180", "gynae@example.org", "22/02/1972", "Y"),
    (90, "HAEM", "Haematology", "Main, basement", "+44 113 496 0190", "haem@example.org", "06/06/1985", "Y"),
    (100, "icu", "Intensive Care", "Main, 1st floor", "0113 496 0200", "icu@example.org", "01/04/1977", "Y"),
    (110, "MAT", "Maternity", "Women's Centre", "0113 496 0210", "births@example.org", "22/02/1972", "Y"),
    (120, "NEUR", "Neurology", "Charcot Suite", "0113 496 0220", "neuro@example.org", "14/01/1995", "Y"),
    (130, "ONC", "Oncology", "Garden Wing", "0113 496 0230", "oncology@example.org", "30/09/2002", "Y"),
    (140, "OPH", "Ophthalmology", "West Wing", "0113 496 0240", "N/A", "03/05/1981", "Y"),
    (150, "ORTH", "Orthopaedics", "Main, 1st floor", "0113 496 0250", "ortho@example.org", "01/04/1968", "Y"),
    (160, "PAED", "Paediatrics", "Rainbow House", "0113 496 0260", "children@example.org", "11/11/1999", "Y"),
    (170, "PHYS", "Physiotherapy", "-", "0113 496 0270", "physio@example.org", "08/03/1983", "Y"),
    (180, "RAD", "Radiology", "Main, basement", "0113 496 0280", "xray@example.org", "01/04/1968", "Y"),
    (190, "MEN", "MÃ©niÃ¨re's Clinic", "West Wing", "N/A", "balance@example.org", "19/05/2008", "Y"),
    (200, "TB", "Tuberculosis", None, None, None, "01/04/1968", "N"),
)  # fmt: skip

DEPARTMENT_IDS = tuple(department[0] for department in DEPARTMENTS)


def departments() -> Iterator[Row]:
    return (dict(zip(COLUMNS, values, strict=True)) for values in DEPARTMENTS)
