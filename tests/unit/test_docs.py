"""The documentation lists what there is and nothing else, and its examples do what it says."""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections
from django.db.models import Model

import etl_assets
from django_project.hospital.models import Appointment, Department, Patient
from etl_assets import Transformer, conf, transformer
from etl_assets.analysis import quality
from etl_assets.columns import Link, Verbs
from etl_assets.engine.evaluate import evaluate
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import run_transformer
from etl_assets.engine.report import COUNT_NAMES, RunReport, TransformerReport
from etl_assets.engine.verbs import Context
from etl_assets.management.inspection import ACTIONS
from etl_assets.models import Reject
from etl_assets.registry import Registry
from tests.databases import Databases
from tests.documents import PAGES, ROOT, Code, Table, blocks, reference, span

# What it lists is there, and what is there is listed


def names_and_parameters(cell: str) -> tuple[str, list[tuple[str, Any]]]:
    """Read a signature as the documentation writes it: `decimal(places, *, round=False)`."""
    written = span(cell).removeprefix("@")
    (function,) = ast.parse(f"def {written}: ...").body
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    kinds = inspect.Parameter
    found: list[tuple[str, Any]] = [(one.arg, kinds.POSITIONAL_OR_KEYWORD) for one in arguments.args]
    found += [(arguments.vararg.arg, kinds.VAR_POSITIONAL)] if arguments.vararg else []
    found += [(one.arg, kinds.KEYWORD_ONLY) for one in arguments.kwonlyargs]
    return function.name, found


def documented(*headings: str) -> dict[str, list[tuple[str, Any]]]:
    rows = [row for heading in headings for row in reference(heading)]
    signatures = [names_and_parameters(row[0]) for row in rows]
    assert len(dict(signatures)) == len(signatures), "something is listed twice"
    return dict(signatures)


def signature(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return [(one.name, one.kind) for one in parameters if one.name != "self"]


def public_methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_every_verb_and_rule_is_documented_as_it_is() -> None:
    there = {name: signature(method) for name, method in public_methods(Verbs).items()}

    assert documented("verb", "rule") == there


def test_rules_are_told_from_verbs() -> None:
    rules = {
        name
        for name, method in public_methods(Verbs).items()
        if ("severity", inspect.Parameter.KEYWORD_ONLY) in signature(method)
    }

    assert set(documented("rule")) == rules


def test_a_link_takes_the_one_rule_that_is_documented() -> None:
    assert set(public_methods(Link)) == {"required"}


def test_every_start_and_method_is_documented_as_it_is() -> None:
    exported = {name: getattr(etl_assets, name) for name in etl_assets.__all__}
    functions = {name: signature(one) for name, one in exported.items() if inspect.isfunction(one)}
    hooks = {name: signature(one) for name, one in public_methods(Transformer).items()}

    assert documented("start", "method") == {**functions, **hooks}


def test_every_exported_name_is_imported_on_the_author_s_page() -> None:
    first = next(block for block in blocks(ROOT / "docs/transformers.md") if isinstance(block, Code))

    assert first.text == f"from etl_assets import {', '.join(sorted(etl_assets.__all__))}\n"


def test_every_meta_option_is_documented() -> None:
    assert [span(row[0]) for row in reference("option")] == list(transformer.META_OPTIONS)


def settings_in(defaults: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, default in defaults.items():
        if isinstance(default, Mapping) and default:
            yield from ((f"{name}.{inner}", value) for inner, value in default.items())
        else:
            yield name, default


def test_every_setting_is_documented_with_its_default() -> None:
    listed = {span(row[0]): ast.literal_eval(span(row[2])) for row in reference("setting")}

    assert listed == dict(settings_in(conf.DEFAULTS))


def parser_of(command: str) -> CommandParser:
    return load_command_class(get_commands()[command], command).create_parser("manage.py", command)


def flags(parser: CommandParser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings}


def test_every_flag_is_documented() -> None:
    listed = {flag for row in reference("flag") for flag in re.findall(r"`(--[a-z-]+)", row[0])}
    of_every_command = flags(BaseCommand().create_parser("manage.py", "any"))

    assert listed == flags(parser_of("migrate_legacy_data")) - of_every_command


def test_every_option_of_etl_is_documented_with_its_default() -> None:
    listed = {
        re.findall(r"`(--[a-z-]+)", row[0])[0]: row[2].strip("`") for row in reference("option of `etl`")
    }
    parser = parser_of("etl")
    of_every_command = flags(BaseCommand().create_parser("manage.py", "any"))
    defaults = {flag: str(one.default) for one in parser._actions for flag in one.option_strings}

    assert set(listed) == flags(parser) - of_every_command
    assert (listed["--table"], listed["--database"]) == ("required", "default")
    for option in ("--limit", "--batch-size"):
        assert listed[option] == defaults[option]


SCHEMA = json.loads((ROOT / "docs" / "etl.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("action", ACTIONS)
def test_every_key_of_a_result_is_documented(action: str) -> None:
    listed = [key for row in reference(f"key of `{action}`") for key in re.findall(r"`(\w+)`", row[0])]

    assert set(listed) == set(SCHEMA["$defs"][action]["properties"])


def test_every_key_of_a_column_is_documented() -> None:
    listed = [key for row in reference("key of a column") for key in re.findall(r"`(\w+)`", row[0])]

    assert set(listed) == set(SCHEMA["$defs"]["column"]["properties"])


def test_the_score_is_documented_as_it_is() -> None:
    rows = reference("dimension")

    assert {span(row[0]): int(row[1]) for row in rows} == quality.WEIGHTS
    issues = {span(row[0]): tuple(re.findall(r"`(\w+)`", row[2])) for row in rows}
    assert issues == quality.DIMENSIONS


COMMAND_LINE = re.compile(r"manage\.py (migrate_legacy_data|make_legacy_hospital|etl)([^#&`\n]*)")


def command_lines() -> Iterator[Any]:
    for page in PAGES:
        for command, arguments in COMMAND_LINE.findall(page.read_text(encoding="utf-8")):
            yield pytest.param(command, arguments, id=f"{page.name}: {command}{arguments}")


@pytest.mark.parametrize(("command", "arguments"), list(command_lines()))
def test_every_command_line_anywhere_is_one_that_the_command_takes(command: str, arguments: str) -> None:
    parser_of(command).parse_args(shlex.split(arguments))


def sentences_in_the_code() -> Iterator[re.Pattern[str]]:
    """Make a pattern of each text in the package, in which a value may be anything."""
    for module in (ROOT / "etl_assets").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            fixed = "".join(text for text in texts if isinstance(text, str))
            if len(fixed) > 20:
                yield re.compile(
                    "".join(re.escape(text) if isinstance(text, str) else ".*" for text in texts)
                )


def test_every_error_that_is_explained_can_be_said() -> None:
    patterns = list(sentences_in_the_code())
    explained = [row[0].strip("`") for row in reference("it says") if row[0].startswith("`")]

    assert len(explained) > 10
    for message in explained:
        assert any(pattern.fullmatch(message) for pattern in patterns), f"nothing says: {message}"


def test_every_system_check_is_documented() -> None:
    source = (ROOT / "etl_assets" / "system_checks.py").read_text(encoding="utf-8")

    assert {span(row[0]) for row in reference("check")} == set(re.findall(r'id="(etl_assets\.\w+)"', source))


def keys_of_a_report() -> set[str]:
    report = RunReport("", dry_run=False, transformers={"patients": TransformerReport("patients")})
    return {*report.as_dict(), *report.as_dict()["transformers"]["patients"]}


def test_every_key_of_the_report_is_documented() -> None:
    assert {key for row in reference("key") for key in re.findall(r"`(\w+)`", row[0])} == keys_of_a_report()


def test_every_count_and_field_of_a_reject_is_documented() -> None:
    assert [span(row[0]) for row in reference("count")] == list(COUNT_NAMES)
    documented_fields = {span(row[0]) for row in reference("field of `Reject`")}
    assert documented_fields == {field.name for field in Reject._meta.fields} - {"id", "digest"}


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([\w/.-]*)(?:#([\w-]+))?\)", text):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(there), f"{page.name} links to {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Its examples do as it says

VERB_EXAMPLE = re.compile(r"`(\.[^`]+)`: ((?:`[^`]+` → (?:`[^`]+`|\w+)(?:, )?)+)")
IN_AND_OUT = re.compile(r"`([^`]+)` → (`[^`]+`|\w+)")
VALUES = {"Decimal": Decimal, "date": dt.date, "datetime": dt.datetime, "UTC": dt.UTC}


def verb_examples() -> Iterator[Any]:
    for row in [*reference("verb"), *reference("rule")]:
        for expression, cases in VERB_EXAMPLE.findall(row[2]):
            for given, gives in IN_AND_OUT.findall(cases):
                yield pytest.param(expression, given, gives, id=f"{expression}: {given}")


def test_every_verb_and_rule_has_an_example() -> None:
    for row in [*reference("verb"), *reference("rule")]:
        examples = VERB_EXAMPLE.findall(row[2])
        name, _ = names_and_parameters(row[0])
        assert examples, f"{name} has no example that can be read"
        assert all(f".{name}(" in expression for expression, _ in examples)
        assert row[2] == "; ".join(f"`{expression}`: {cases}" for expression, cases in examples)


@pytest.mark.parametrize(("expression", "given", "gives"), list(verb_examples()))
def test_a_verb_does_what_its_example_says(expression: str, given: str, gives: str) -> None:
    written = eval(f"etl_assets.col('x'){expression}", {"etl_assets": etl_assets})
    source = {"x": pa.array([ast.literal_eval(given)])}
    context = Context(dt.UTC, dt.date(2024, 1, 15))  # type: ignore[arg-type]

    result = evaluate(written, source, 1, context)

    rejected = bool(result.unreadable or result.broken)
    assert rejected == (gives == "rejected")
    if not rejected:
        expected = None if gives == "null" else eval(gives.strip("`"), VALUES)
        assert result.values.to_pylist() == [expected]


APPS = ("auth", "etl_assets", "hospital")
"""Whose models the examples name."""


def transformer_examples() -> Iterator[Any]:
    for page in PAGES:
        example: list[Code | Table] = []
        for block in blocks(page):
            if isinstance(block, Code):
                yield from as_case(page, example)
                example = [block] if block.language == "python" and not block.text.startswith("# ") else []
            elif example:
                example.append(block)
        yield from as_case(page, example)


def as_case(page: Path, example: list[Code | Table]) -> Iterator[Any]:
    if example:
        code, *tables = example
        named = [table for table in tables if isinstance(table, Table) and table.name]
        yield pytest.param(code, named, id=f"{page.name} line {code.line}")


@pytest.mark.parametrize(("code", "tables"), list(transformer_examples()))
def test_an_example_of_transformers_does_what_its_tables_say(
    code: Code, tables: list[Table], databases: Databases
) -> None:
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    models = {model.__name__: model for app in APPS for model in apps.get_app_config(app).get_models(True)}
    for table in tables:
        if table.name not in models:
            make_legacy_table(table)

    run_all(code)

    for table in tables:
        if table.name in models:
            assert rows_of(models[table.name], table.header) == sorted(as_texts(table))


def make_legacy_table(table: Table) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table.name} ({', '.join(table.header)})")
        marks = ", ".join(["%s"] * len(table.header))
        for row in table.values():
            cursor.execute(f"INSERT INTO {table.name} VALUES ({marks})", list(row.values()))


def run_all(code: Code) -> None:
    """Run the transformers that a block declares."""
    namespace = {name: getattr(etl_assets, name) for name in etl_assets.__all__}
    namespace |= {"Department": Department, "Patient": Patient, "Appointment": Appointment}
    namespace |= {"dt": dt, "pd": pd, "__name__": "documentation"}
    exec(compile(code.text, f"line {code.line}", "exec"), namespace)
    declared = [
        one
        for one in namespace.values()
        if isinstance(one, type) and issubclass(one, Transformer) and "_meta" in vars(one)
    ]
    registry = Registry(declared)
    for one in registry.choose(None):
        report = run_transformer(one, registry, RunOptions(), run_id="documentation")
        assert report.error is None


def rows_of(model: type[Model], columns: list[str]) -> list[list[str]]:
    """Read what the database holds, as texts; of a foreign key, the row's own text."""
    rows = model._base_manager.all()
    return sorted([text_of(getattr(row, column)) for column in columns] for row in rows)


def as_texts(table: Table) -> list[list[str]]:
    return [[text_of(value) for value in row.values()] for row in table.values()]


def text_of(value: Any) -> str:
    return "null" if value is None else str(value)
