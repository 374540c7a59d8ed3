"""Departments, patients and their appointments."""
