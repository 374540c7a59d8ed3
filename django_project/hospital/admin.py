"""Pages for the front desk."""

from __future__ import annotations

from django.contrib import admin

from .models import Appointment, Department, Patient


@admin.register(Department)
class DepartmentAdmin(admin.ModelAdmin):
    list_display = ("name", "code", "building", "phone", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "code", "building")
    readonly_fields = ("legacy_id", "created_at", "updated_at")


@admin.register(Patient)
class PatientAdmin(admin.ModelAdmin):
    list_display = (
        "number",
        "last_name",
        "first_name",
        "date_of_birth",
        "sex",
        "department",
        "registered_at",
    )
    list_display_links = ("number", "last_name")
    list_filter = ("sex", "department")
    list_select_related = ("department",)
    search_fields = ("number", "last_name", "first_name", "national_id", "postcode")
    search_help_text = "Hospital number, name, NHS number or postcode"
    date_hierarchy = "registered_at"
    autocomplete_fields = ("department",)
    readonly_fields = ("legacy_id", "created_at", "updated_at")
    # Counting all patients for "12 of 1,000,000" takes longer than the page itself.
    show_full_result_count = False


@admin.register(Appointment)
class AppointmentAdmin(admin.ModelAdmin):
    list_display = ("starts_at", "patient", "department", "clinician", "room", "status", "fee")
    list_filter = ("status", "department")
    list_select_related = ("patient", "department")
    search_fields = ("patient__number", "patient__last_name", "clinician", "room")
    search_help_text = "Hospital number, family name, clinician or room"
    date_hierarchy = "starts_at"
    autocomplete_fields = ("patient", "department")
    readonly_fields = ("legacy_id", "created_at", "updated_at")
    show_full_result_count = False
