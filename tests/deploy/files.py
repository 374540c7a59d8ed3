"""deploy/'s files, read as those read them who use them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


class Unset(Exception):
    """A variable that must be set is empty; the message is the file's own."""


def read(name: str) -> str:
    return (DEPLOY / name).read_text()


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Fill in `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, as Compose does."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if environment.get(name):
            return environment[name]
        if kind == "?":
            raise Unset(f"{name}: {rest}")
        return rest or ""

    return VARIABLE.sub(value, text)


def compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with anchors resolved and variables filled in."""
    return _filled(yaml.safe_load(read("compose.yaml")), environment)


def _filled(part: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: _filled(value, environment) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, environment) for value in part]
    return interpolate(part, environment) if isinstance(part, str) else part


def program(name: str) -> str | None:
    """Path of an installed program; Debian keeps some where only root looks."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Put other words in; each must be there."""
    for old, new in words.items():
        assert old in text, f"{old!r} is not there any more"
        text = text.replace(old, new)
    return text


def schema_errors(schema: str, file: Path) -> list[str]:
    """What a published schema that check-jsonschema brings along says against a YAML file."""
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor"
    published = json.loads((folder / f"{schema}.json").read_text())
    validator = jsonschema.validators.validator_for(published)(published)
    return [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))]
