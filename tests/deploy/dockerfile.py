"""A Dockerfile as a list of stages, and its build context as .dockerignore leaves it."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.files import ROOT, read


@dataclass
class Stage:
    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Instruction and its text, continued lines joined."""


def stages() -> dict[str, Stage]:
    """The stages of deploy/Dockerfile by name, in order."""
    text = re.sub(r"(?m)^#.*\n", "", read("Dockerfile"))
    text = re.sub(r"\\\n\s*", " ", text)
    found: dict[str, Stage] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, name = rest.split(" AS ")
            stage = found[name] = Stage(name, base)
        else:
            stage.steps.append((instruction, rest.strip()))
    return found


def context() -> set[str]:
    """Files of the repository that reach the build, by what the last matching line of .dockerignore says."""
    lines = [
        line for line in read("Dockerfile.dockerignore").splitlines() if line and not line.startswith("#")
    ]
    return {name for name in _versioned() if _reaches_the_build(name, lines)}


def _versioned() -> list[str]:
    """What git knows or would take: the folder of a developer holds more."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def _reaches_the_build(name: str, lines: list[str]) -> bool:
    reaches = True
    parts = Path(name).parts
    prefixes = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for line in lines:
        pattern = line.removeprefix("!")
        if pattern.startswith("**/"):
            matches = any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        else:
            matches = any(fnmatch.fnmatch(prefix, pattern) for prefix in prefixes)
        if matches:
            reaches = line.startswith("!")
    return reaches
