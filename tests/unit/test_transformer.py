"""What a transformer's class body means, and what is refused when the class is made."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings
from django.utils.translation import gettext_lazy

import etl_assets
from etl_assets import Query, Transformer, col, key, link, rule, skip
from etl_assets.exceptions import ConfigurationError
from tests.targets.models import Member, Pairwise, Place, Plain, Visitor

untyped: Any = etl_assets  # for what a type checker would refuse too


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place

    legacy_id = key("place_no")
    code = col("code").strip()
    name = col("name")


def declared(**options: object) -> type[Transformer]:
    """A transformer whose Meta says this."""
    meta = type("Meta", (), {"source": "old_plain", "model": Plain, **options})
    return type("Plains", (Transformer,), {"Meta": meta, "legacy_id": key("no")})


def test_defaults_are_those_that_the_documentation_promises():
    meta = declared()._meta

    assert meta.name == "plains"
    assert (meta.key_fields, meta.after, meta.order_by, meta.owners) == (("legacy_id",), (), (), ())
    assert (meta.database, meta.using) == ("legacy", "default")
    assert (meta.watermark, meta.watermark_overlap, meta.batch_size) == (None, None, None)
    assert (meta.group, meta.tags) == ("targets", {})
    assert meta.label == f"{__name__}.Plains"


def test_every_option_is_taken():
    meta = declared(
        name="simple",
        key=["legacy_id", "name"],
        after="places",
        database="archive",
        using="elsewhere",
        watermark="changed_at",
        batch_size=7,
        order_by=("-changed_at", "no"),
        group="front desk",
        owners=("team:data",),
        tags={"tier": "1"},
    )._meta

    assert (meta.name, meta.key_fields, meta.after) == ("simple", ("legacy_id", "name"), ("places",))
    assert (meta.database, meta.using, meta.watermark) == ("archive", "elsewhere", "changed_at")
    assert (meta.batch_size, meta.order_by) == (7, ("-changed_at", "no"))
    assert (meta.group, meta.owners, meta.tags) == ("front desk", ("team:data",), {"tier": "1"})


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"sorce": "x"}, "has no option 'sorce'. Did you mean 'source'?"),
        (
            {"frequency": "daily"},
            "has no option 'frequency'. Its options are source, model, name, key, legacy_key, after, "
            "database, using, watermark, watermark_overlap, batch_size, rebuild_indexes, order_by, group, "
            "owners, tags.",
        ),
        ({"source": None}, "has no source: write source = ... in it."),
        ({"model": None}, "has no model: write model = ... in it."),
        ({"source": 7}, "has source 7, which is no table name, Query, model or QuerySet."),
        ({"key": 7}, "has key 7, which is no tuple of names."),
        ({"key": ("no", "")}, "has key ('no', ''), which is no tuple of names."),
        ({"after": {"places": 1}}, "has after {'places': 1}, which is no tuple of names."),
        ({"order_by": ("no", 1)}, "has order_by ('no', 1), which is no tuple of names."),
        ({"owners": None}, "has owners None, which is no tuple of names."),
        ({"batch_size": 0}, "has batch_size 0, which is not a whole number from 1 up."),
        ({"batch_size": "100"}, "has batch_size '100', which is not a whole number from 1 up."),
        ({"batch_size": True}, "has batch_size True, which is not a whole number from 1 up."),
        ({"database": 7}, "has database 7, which is no name."),
        ({"using": ""}, "has using '', which is no name."),
        ({"watermark": ("changed_at",)}, "has watermark ('changed_at',), which is no name."),
        ({"watermark_overlap": 7}, "has watermark_overlap without a watermark: name its column."),
        (
            {"watermark": "changed_at", "watermark_overlap": -1},
            "has watermark_overlap -1, which is no timedelta or number from 0 up.",
        ),
        (
            {"watermark": "changed_at", "watermark_overlap": "1 hour"},
            "has watermark_overlap '1 hour', which is no timedelta or number from 0 up.",
        ),
        ({"group": 7}, "has group 7, which is no name."),
        ({"tags": ["tier"]}, "has tags ['tier'], which is no dict of texts."),
        ({"tags": {"tier": 1}}, "has tags {'tier': 1}, which is no dict of texts."),
    ],
)
def test_a_wrong_option_is_refused_when_the_class_is_made(options: dict[str, object], what: str):
    with pytest.raises(ConfigurationError) as caught:
        declared(**options)
    assert str(caught.value) == f"Meta of Plains {what}"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"name": "front desk"}, "has name 'front desk': use letters, digits and underscores only."),
        ({"name": "n" * 101}, "has a name of 101 characters: use 100 at most."),
        (
            {"model": "targets.Plane"},
            "has model 'targets.Plane', which no installed app has: write 'app_label.Model'.",
        ),
        ({"model": "Plain"}, "has model 'Plain', which no installed app has: write 'app_label.Model'."),
    ],
)
def test_what_needs_the_app_registry_is_refused_when_it_is_asked_for(options: dict[str, object], what: str):
    with pytest.raises(ConfigurationError) as caught:
        _ = declared(**options)._meta.name
    assert str(caught.value) == f"Meta of Plains {what}"


def test_a_model_may_be_named():
    assert declared(model="targets.Plain")._meta.model is Plain


@pytest.mark.parametrize(
    ("plural", "name"),
    [
        ("Patients", "patients"),
        ("lab results (old)", "lab_results_old"),
        ("in-patients", "in_patients"),
        ("Années", "annees"),
        ("患者", "plain"),
        (gettext_lazy("users"), "users"),
    ],
)
@override_settings(LANGUAGE_CODE="de")
def test_the_name_is_the_models_plural_in_ascii_and_in_no_language(plural, name: str, monkeypatch):
    monkeypatch.setattr(Plain._meta, "verbose_name_plural", plural)

    assert declared()._meta.name == name


def test_the_legacy_database_is_that_of_the_settings():
    with override_settings(ETL_CONFIG={"DEFAULT_LEGACY_DB": "archive"}):
        assert declared()._meta.database == "archive"
        assert declared(database="attic")._meta.database == "attic"


def test_columns_come_in_the_order_written_those_of_bases_first():
    class Extended(Places):
        class Meta(Places.Meta):
            name = "extended"

        extra = col("extra")
        code = col("code").upper()

    class Shortened(Places):
        class Meta(Places.Meta):
            name = "shortened"

        name = None  # type: ignore[assignment]

    assert list(Extended._meta.columns) == ["legacy_id", "code", "name", "extra"]
    assert [step.name for step in Extended._meta.columns["code"].steps] == ["upper"]
    assert list(Shortened._meta.columns) == ["legacy_id", "code"]
    assert list(Places._meta.columns) == ["legacy_id", "code", "name"]


def test_meta_is_inherited_like_djangos():
    class Base:
        database = "archive"

    class Legacy(Transformer):
        class Meta(Base):
            source = Query("select 1 as no")
            model = Plain

        legacy_id = key("no")

    assert Legacy._meta.database == "archive"
    assert Legacy._meta.source_label == "query"


def test_a_class_without_meta_is_a_base_for_others():
    class Named(Transformer):
        name = col("name")

    class Plains(Named):
        class Meta:
            source = "old_plain"
            model = Plain

        legacy_id = key("no")

    assert not hasattr(Named, "_meta")
    assert list(Plains._meta.columns) == ["name", "legacy_id"]


def test_several_fields_may_be_the_key():
    class Pairs(Transformer):
        class Meta:
            source = "old_pairs"
            model = Pairwise
            key = ("first", "second")

        first = col("a")
        second = col("b")

    assert Pairs._meta.key_fields == ("first", "second")


def test_links_and_after_say_what_must_be_loaded_first():
    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            after = ("members", "places")

        legacy_id = key("no")
        by_code = link("codes", "code")
        place = link("places", "place_no")

    assert Visitors._meta.upstream == ("codes", "places", "members")
    assert list(Visitors._meta.links) == ["by_code", "place"]


def test_hooks_are_found_in_order_with_those_of_bases_and_can_be_taken_away():
    class Base(Transformer):
        @rule("is too young")
        def old_enough(self, rows):
            return rows["age"] >= 18

        @skip("test account")
        def tests(self, rows):
            return rows["email"] == "test"

    class Members(Base):
        class Meta:
            source = "old_members"
            model = Member

        legacy_id = key("no")

        @rule("has no team", severity="warning")
        def has_team(self, rows):
            return rows["team"].notna()

        tests = None  # type: ignore[assignment]

    assert [(one.name, one.reason, one.severity) for one in Members._meta.rules] == [
        ("old_enough", "is too young", "error"),
        ("has_team", "has no team", "warning"),
    ]
    assert Members._meta.skips == ()


def test_only_hooks_that_the_author_wrote_are_called():
    class Plains(Transformer):
        def transform(self, rows):
            return rows

    written = [hook for hook in ("prepare", "transform", "transform_row") if Plains.overrides(hook)]
    assert written == ["transform"]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: untyped.rule(""), "@rule needs a reason: write @rule('test account')."),
        (lambda: untyped.rule(lambda self, rows: rows), "@rule needs a reason: write @rule('test account')."),
        (lambda: untyped.skip(None), "@skip needs a reason: write @skip('test account')."),
        (
            lambda: untyped.rule("is wrong", severity="fatal"),
            "@rule(severity='fatal') is unknown: write 'error' or 'warning'.",
        ),
    ],
)
def test_a_decorator_that_says_nothing_is_refused_where_it_is_written(write, message: str):
    with pytest.raises(ConfigurationError) as caught:
        write()
    assert str(caught.value) == message
