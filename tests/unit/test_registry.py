"""Finding the transformers of a project, and the order in which they run."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from django.conf import settings
from django.test import override_settings

from etl_assets import Transformer, key, link
from etl_assets.exceptions import BrokenTransformers, ConfigurationError, NotSupportedYet, UnknownTransformer
from etl_assets.registry import Registry, discover
from tests.targets.models import Visitor

NUMBERS = itertools.count(1)
HEAD = "from etl_assets import Transformer, key\nfrom tests.targets.models import Plain\n"


def named(name: str, base: str = "Transformer") -> str:
    """Source code of a transformer."""
    return dedent(f"""
        class {name.title()}({base}):
            class Meta:
                source = "old"
                model = Plain
                name = {name!r}

            legacy_id = key("no")
    """)


class Project:
    """Python packages in a folder of their own, under a name that nothing else has imported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"project_{next(NUMBERS)}"
        self.write("__init__.py", "")

    def write(self, path: str, *code: str) -> Path:
        file = self.folder / self.name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        for parent in file.relative_to(self.folder).parents:
            if parent.name and not (self.folder / parent / "__init__.py").exists():
                (self.folder / parent / "__init__.py").touch()
        file.write_text("".join(code))
        importlib.invalidate_caches()
        return file

    def installed(self) -> override_settings:
        return override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, self.name])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    project = Project(tmp_path)
    yield project
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{project.name}.")]:
        del sys.modules[name]


def made(name: str, *links: str, after: tuple[str, ...] = ()) -> type[Transformer]:
    """A transformer that links to others."""
    options = {"source": "old", "model": Visitor, "name": name, "after": after}
    fields = dict(zip(("place", "by_code"), (link(target, "no") for target in links), strict=False))
    body = {"Meta": type("Meta", (), options), "legacy_id": key("no"), **fields}
    return type(name.title(), (Transformer,), body)


# Where they are found


def test_the_demos_own_are_found_in_its_app():
    assert list(discover()) == ["departments", "patients", "appointments"]


def test_modules_and_packages_of_every_installed_app_are_looked_at(project: Project):
    project.write("transformers.py", HEAD, named("module"))
    project.write("etl/transformers/__init__.py", HEAD, named("package"))
    project.write("etl/transformers/deep/below.py", HEAD, named("deep"))

    with project.installed():
        found = discover()

    assert {"module", "package", "deep", "patients"} <= set(found)
    assert found["deep"].__module__ == f"{project.name}.etl.transformers.deep.below"


def test_an_app_needs_no_transformers(project: Project):
    project.write("etl.py", "")  # a module, no package: there can be nothing in it

    with project.installed():
        assert list(discover()) == ["departments", "patients", "appointments"]


def test_explicit_paths_replace_the_apps(project: Project):
    project.write("one.py", HEAD, named("one"))
    project.write("two.py", HEAD, named("two"))

    assert list(discover([f"{project.name}.two", f"{project.name}.one"])) == ["one", "two"]
    with override_settings(ETL_CONFIG={"TRANSFORMER_DISCOVERY_PATHS": [f"{project.name}.two"]}):
        assert list(discover()) == ["two"]
        assert list(discover([f"{project.name}.one"])) == ["one"]


def test_a_path_within_another_names_nothing_twice(project: Project):
    project.write("all/one.py", HEAD, named("one"))

    assert list(discover([f"{project.name}.all", f"{project.name}.all.one"])) == ["one"]


def test_what_a_module_merely_imports_is_not_its_own(project: Project):
    project.write(
        "shared.py", HEAD, named("shared"), "\nclass Base(Transformer):\n    legacy_id = key('no')\n"
    )
    project.write("mine.py", HEAD, f"from {project.name}.shared import Base, Shared\n", named("mine", "Base"))

    assert list(discover([f"{project.name}.mine"])) == ["mine"]


# What goes wrong on the way


def broken(path: str) -> str:
    with pytest.raises(BrokenTransformers) as caught:
        discover([path])
    return str(caught.value)


def test_a_module_that_does_not_exist_is_named(project: Project):
    path = f"{project.name}.transfomers"

    assert broken(path) == f"Transformer module {path!r} does not exist: check the spelling and PYTHONPATH."
    assert broken("nowhere.at.all") == (
        "Transformer module 'nowhere.at.all' does not exist: check the spelling and PYTHONPATH."
    )


def test_a_module_that_imports_a_missing_one_is_shown_with_its_line(project: Project):
    file = project.write("transformers.py", "import sys\n\nimport no_such_library\n")

    assert broken(f"{project.name}.transformers") == (
        f"Transformer module '{project.name}.transformers' does not import: ModuleNotFoundError at {file}, "
        "line 3: No module named 'no_such_library'"
    )


def test_a_module_below_a_package_is_shown_with_its_line(project: Project):
    file = project.write("transformers/deep/below.py", "x = 1\ny = x / 0\n")

    assert broken(f"{project.name}.transformers") == (
        f"Transformer module '{project.name}.transformers' does not import: ZeroDivisionError at {file}, "
        "line 2: division by zero"
    )


def test_a_package_below_that_cannot_be_imported_is_not_passed_over(project: Project):
    file = project.write("transformers/deep/__init__.py", "import no_such_library\n")

    assert broken(f"{project.name}.transformers") == (
        f"Transformer module '{project.name}.transformers' does not import: ModuleNotFoundError at {file}, "
        "line 1: No module named 'no_such_library'"
    )


def test_a_slip_of_the_pen_is_shown_with_its_line(project: Project):
    file = project.write("transformers.py", "x = 1\ndef (\n")

    assert broken(f"{project.name}.transformers").startswith(
        f"Transformer module '{project.name}.transformers' does not import: SyntaxError at {file}, line 2: "
        "invalid syntax"
    )


def test_a_column_that_cannot_be_meant_is_shown_at_the_authors_line_and_not_at_ours(project: Project):
    file = project.write("transformers.py", "from etl_assets import col\n\nx = col('a').truncate(-1)\n")

    assert broken(f"{project.name}.transformers") == (
        f"Transformer module '{project.name}.transformers' does not import: ConfigurationError at {file}, "
        "line 3: truncate(-1) needs a whole number from 0 up."
    )


def test_an_error_without_a_message_is_still_named(project: Project):
    file = project.write("transformers.py", "raise RuntimeError\n")

    assert broken(f"{project.name}.transformers") == (
        f"Transformer module '{project.name}.transformers' does not import: RuntimeError at {file}, line 1: "
        "no message"
    )


@pytest.mark.parametrize("where", ["transformers.py", "etl/__init__.py", "etl/transformers.py"])
def test_a_broken_module_of_an_installed_app_is_not_passed_over(project: Project, where: str):
    file = project.write(where, "import no_such_library\n")

    with project.installed(), pytest.raises(BrokenTransformers) as caught:
        discover()
    assert f"at {file}, line 1: No module named 'no_such_library'" in str(caught.value)


def test_a_package_of_an_installed_app_that_fails_in_any_way_is_not_passed_over(project: Project):
    file = project.write("etl/__init__.py", "x = 1 / 0\n")

    with project.installed(), pytest.raises(BrokenTransformers) as caught:
        discover()
    assert f"ZeroDivisionError at {file}, line 1: division by zero" in str(caught.value)


def test_two_of_one_name_are_both_named(project: Project):
    project.write("one.py", HEAD, named("plains"))
    project.write("two.py", HEAD, named("plains"))

    with pytest.raises(ConfigurationError) as caught:
        discover([f"{project.name}.one", f"{project.name}.two"])
    assert str(caught.value) == (
        f"{project.name}.one.Plains and {project.name}.two.Plains are both named 'plains': "
        "give one of them another Meta.name."
    )


# In which order they run


def test_each_comes_after_those_it_needs_and_otherwise_by_name():
    transformers = [
        made("a", "z"),
        made("z"),
        made("m"),
        made("c", "m", "z"),
        made("b", after=("a",)),
        made("y", "missing"),
    ]
    expected = ["m", "y", "z", "a", "c", "b"]

    for shuffled in itertools.permutations(transformers):
        assert list(Registry(shuffled)) == expected


def test_a_circle_is_not_supported_yet_and_is_drawn():
    with pytest.raises(NotSupportedYet) as caught:
        Registry([made("a", "b"), made("b", "c"), made("c", "a")])

    message = str(caught.value)
    circle = message.removeprefix("The transformers ").split(" depend on each other")[0].split(" -> ")
    assert len(circle) == 4
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}
    assert message.endswith(
        " depend on each other: links in a circle are not supported yet, so load one side without its link."
    )


def test_chosen_ones_come_in_the_order_in_which_they_run():
    registry = Registry([made("parents"), made("children", "parents"), made("others")])

    assert [one._meta.name for one in registry.choose(["children", "parents"])] == ["parents", "children"]
    assert [one._meta.name for one in registry.choose(None)] == list(registry)
    assert len(registry) == 3
    assert registry["others"]._meta.name == "others"


@pytest.mark.parametrize(
    ("known", "name", "message"),
    [
        (
            ["patients", "departments"],
            "patient",
            "No transformer is named 'patient'. Did you mean 'patients'? "
            "Known transformers: departments, patients.",
        ),
        (["a", "b"], "xyz", "No transformer is named 'xyz'. Known transformers: a, b."),
        ([], "a", "No transformer is named 'a'. Known transformers: none."),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_are_known(known: list[str], name: str, message: str):
    with pytest.raises(UnknownTransformer) as caught:
        Registry([made(one) for one in known]).choose([name])
    assert str(caught.value) == message


def test_two_transformers_may_fill_one_model():
    registry = Registry([made("a"), made("b")])

    assert {one._meta.model for one in registry.values()} == {Visitor}
