"""A transformer against its model and the transformers it links to: what is refused before a run, and why."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.models import F
from django.test.utils import isolate_apps

from etl_assets import Transformer, col, concat, const, key, link, rule
from etl_assets.engine.plan import Plan, make_plan
from etl_assets.exceptions import ConfigurationError, NotSupportedYet, SourceError
from etl_assets.registry import Registry
from tests.targets.models import Document, Filled, Housed, Pairwise, Place, Plain, Visitor

with isolate_apps("tests.targets"):

    class PointField(models.Field):
        """A type that a column may have and Arrow has not."""

        def db_type(self, connection: object) -> str:
            return "point"

    class Tag(models.Model):
        word = models.CharField(max_length=10, unique=True)

        class Meta:
            app_label = "targets"

    class Article(models.Model):
        """What no attribute can stand for."""

        legacy_id = models.IntegerField(unique=True)
        tags = models.ManyToManyField(Tag, related_name="articles")
        shout = models.GeneratedField(
            expression=F("legacy_id") + 0, output_field=models.IntegerField(), db_persist=True
        )
        place = PointField(null=True)
        tag = models.ForeignKey(Tag, models.CASCADE, null=True, related_name="+")

        class Meta:
            app_label = "targets"

    class Review(Article):
        """A table that goes on in another."""

        stars = models.IntegerField(null=True)

        class Meta:
            app_label = "targets"

    class Draft(Article):
        """The same table under another name."""

        class Meta:
            app_label = "targets"
            proxy = True

    class Room(models.Model):
        """Known by its place."""

        place = models.OneToOneField(Place, models.CASCADE)

        class Meta:
            app_label = "targets"

    class Bed(models.Model):
        legacy_id = models.IntegerField(unique=True)
        room = models.ForeignKey(Room, models.CASCADE)

        class Meta:
            app_label = "targets"

    class Coded(models.Model):
        code = models.CharField(max_length=4, primary_key=True)
        legacy_id = models.IntegerField(unique=True)

        class Meta:
            app_label = "targets"


def made(model: type[models.Model], name: str = "mine", /, **body: object) -> type[Transformer]:
    """A transformer `Mine` for this model; options go by `_option`."""
    options = {option[1:]: value for option, value in body.items() if option.startswith("_")}
    fields = {field: value for field, value in body.items() if not field.startswith("_")}
    meta = type("Meta", (), {"source": "old", "model": model, "name": name, **options})
    return type(name.title(), (Transformer,), {"Meta": meta, **fields})


NO = key("no")
PLACES = made(Place, "places", legacy_id=NO, code=col("code").strip().matches("."), name=col("name"))
PAIRS = made(Pairwise, "pairs", _key=("first", "second"), first=col("a"), second=col("b"))
PLAINS = made(Plain, "plains", legacy_id=NO)
KEYLESS = made(Place, "keyless", _key=("legacy_id",), code=col("code"))
HERE = f"{__name__}."


def planned(transformer: type[Transformer], *others: type[Transformer]) -> Plan:
    return make_plan(transformer, {one._meta.name: one for one in (transformer, *others)})


REFUSALS: dict[str, tuple[type[Transformer], type[ConfigurationError], str]] = {
    "unknown field": (
        made(Plain, legacy_id=NO, nmae=col("name")),
        ConfigurationError,
        "Mine.nmae is no field of targets.Plain. Did you mean 'name'? "
        "Its fields are id, legacy_id, name, value.",
    ),
    "a column's name": (
        made(Visitor, legacy_id=NO, place_id=col("place")),
        ConfigurationError,
        "Mine.place_id is no field of targets.Visitor. Did you mean 'place'? "
        "Its fields are id, legacy_id, place, by_code.",
    ),
    "many-to-many": (
        made(Article, legacy_id=NO, tags=col("tags")),
        ConfigurationError,
        "Mine.tags is no column of targets.Article's table: for a many-to-many field write a transformer "
        "for its through model, and leave a generated field out.",
    ),
    "many-to-many from the other side": (
        made(Tag, word=NO, articles=col("articles")),
        ConfigurationError,
        "Mine.articles is no column of targets.Tag's table: for a many-to-many field write a transformer "
        "for its through model, and leave a generated field out.",
    ),
    "generated": (
        made(Article, legacy_id=NO, shout=col("shout")),
        ConfigurationError,
        "Mine.shout is no column of targets.Article's table: for a many-to-many field write a transformer "
        "for its through model, and leave a generated field out.",
    ),
    "unsupported type": (
        made(Article, legacy_id=NO, place=col("place")),
        NotSupportedYet,
        "targets.Article.place is a PointField, which is not supported yet: leave it out of the "
        "transformer and fill it afterwards.",
    ),
    "multi-table inheritance": (
        made(Review, legacy_id=NO),
        ConfigurationError,
        "Mine fills targets.Review, which inherits from another table: multi-table inheritance is not "
        "supported, so load the parent's model by itself.",
    ),
    "legacy_key": (
        made(Plain, _legacy_key="no", name=col("name")),
        NotSupportedYet,
        "Mine has Meta.legacy_key, which is not supported yet: give the model a field for the legacy key "
        "and map it with key().",
    ),
    "no key": (
        made(Plain, name=col("name")),
        ConfigurationError,
        "Mine has no key: map one field with key(), or name several in Meta.key.",
    ),
    "two keys": (
        made(Plain, legacy_id=NO, name=key("name")),
        ConfigurationError,
        "Mine has several key() columns: write Meta.key = ('legacy_id', 'name'), which says that they "
        "identify a row together.",
    ),
    "Meta.key not mapped": (
        made(Plain, _key=("legacy_ids",), legacy_id=col("no")),
        ConfigurationError,
        "Mine has 'legacy_ids' in Meta.key, which it does not map. Did you mean 'legacy_id'?",
    ),
    "key without a column": (
        made(Plain, _key=("legacy_id",), legacy_id=const("1")),
        ConfigurationError,
        "Mine has a key that no source column goes into, so that all rows would be one: add a field to "
        "Meta.key that is read from a column.",
    ),
    "required and unmapped": (
        made(Place, code=key("no")),
        ConfigurationError,
        "Mine does not map 'legacy_id', which targets.Place requires: map it, or give the field a default.",
    ),
    "required primary key": (
        made(Coded, legacy_id=NO),
        ConfigurationError,
        "Mine does not map 'code', which targets.Coded requires: map it, or give the field a default.",
    ),
    "unknown after": (
        made(Plain, legacy_id=NO, _after=("place",)),
        ConfigurationError,
        "Mine has 'place' in Meta.after, which is no transformer. Did you mean 'places'? "
        "Known transformers: keyless, mine, pairs, places, plains.",
    ),
    "link where there is no foreign key": (
        made(Plain, legacy_id=NO, value=link("places", "place")),
        ConfigurationError,
        "Mine.value is a link, but the model's field is no foreign key: use col().",
    ),
    "link to self": (
        made(Visitor, legacy_id=NO, place=link("self", "parent")),
        NotSupportedYet,
        "Mine.place links to its own transformer, which is not supported yet: leave the field out.",
    ),
    "link to self by name": (
        made(Visitor, legacy_id=NO, place=link("mine", "parent")),
        NotSupportedYet,
        "Mine.place links to its own transformer, which is not supported yet: leave the field out.",
    ),
    "link to nobody": (
        made(Visitor, legacy_id=NO, place=link("place", "place_no")),
        ConfigurationError,
        "Mine.place links to 'place', which is no transformer. Did you mean 'places'? "
        "Known transformers: keyless, mine, pairs, places, plains.",
    ),
    "link to another model": (
        made(Visitor, legacy_id=NO, place=link("plains", "place_no")),
        ConfigurationError,
        "Mine.place refers to targets.Place, but 'plains' fills targets.Plain: link to the transformer "
        "that fills the right model.",
    ),
    "link to a parent that does not map its key": (
        made(Visitor, legacy_id=NO, place=link("keyless", "place_no")),
        ConfigurationError,
        "Mine.place links to 'keyless', which does not map its own key 'legacy_id': map it there.",
    ),
    "null where none can be": (
        made(Housed, legacy_id=NO, place=link("places", "place_no", missing="null")),
        ConfigurationError,
        "Mine.place has missing='null', but the model's field does not allow null.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_carried_out_is_refused(case: str):
    transformer, kind, message = REFUSALS[case]

    with pytest.raises(ConfigurationError) as caught:
        planned(transformer, PLACES, PAIRS, PLAINS, KEYLESS)
    assert str(caught.value) == (message if case == "unsupported type" else HERE + message)
    assert type(caught.value) is kind


def test_a_link_to_a_key_of_several_fields_is_not_supported_yet():
    with isolate_apps("tests.targets"):

        class Partner(models.Model):
            legacy_id = models.IntegerField(unique=True)
            pair = models.ForeignKey(Pairwise, models.CASCADE)

            class Meta:
                app_label = "targets"

    with pytest.raises(NotSupportedYet) as caught:
        planned(made(Partner, legacy_id=NO, pair=link("pairs", "pair_no")), PAIRS)
    assert str(caught.value) == (
        f"{HERE}Mine.pair links to 'pairs', whose key is not one field: such links are not supported yet, "
        "so give the parent model one field for its legacy key."
    )


def test_a_parent_whose_key_is_a_link_to_itself_is_named_and_does_not_hang():
    with isolate_apps("tests.targets"):

        class Heir(models.Model):
            parent = models.OneToOneField("self", models.CASCADE)

            class Meta:
                app_label = "targets"

        class Child(models.Model):
            legacy_id = models.IntegerField(unique=True)
            heir = models.ForeignKey(Heir, models.CASCADE)

            class Meta:
                app_label = "targets"

    heirs = made(Heir, "heirs", _key=("parent",), parent=link("heirs", "parent_no"))
    with pytest.raises(NotSupportedYet) as caught:
        planned(made(Child, legacy_id=NO, heir=link("heirs", "heir_no")), heirs)
    assert str(caught.value) == (
        f"{HERE}Heirs.parent links to its own transformer, which is not supported yet: leave the field out."
    )


def test_links_in_a_circle_are_refused_by_the_registry():
    a = made(Visitor, "a", legacy_id=NO, place=link("b", "no"))
    b = made(Place, "b", _after=("a",), legacy_id=NO)

    with pytest.raises(NotSupportedYet, match=r"The transformers (a -> b -> a|b -> a -> b) depend on each"):
        Registry([a, b])


@pytest.mark.parametrize("model", [Filled, Document, Draft])
def test_fields_that_fill_themselves_need_no_column(model: type[models.Model]):
    body = {"name": col("n")} if model is Filled else {}

    assert planned(made(model, legacy_id=NO, **body)).keys[0].name == "legacy_id"


def test_a_link_by_name_is_cleaned_as_the_parents_key_is_and_one_by_expression_is_not():
    parents = made(Place, "places", legacy_id=key("no").strip().required().digits(), code=col("code"))
    by_name = made(Visitor, legacy_id=NO, place=link("places", "place_no").required())
    by_expression = made(Visitor, legacy_id=NO, place=link("places", col("place_no").lower()))

    plans = [planned(one, parents).fields["place"] for one in (by_name, by_expression)]

    assert [[step.name for step in plan.expression.steps] for plan in plans] == [
        ["strip", "digits", "required"],
        ["lower"],
    ]
    assert [plan.expression.source_columns for plan in plans] == [("place_no",), ("place_no",)]


def test_a_link_looks_the_parents_key_up_and_gives_what_the_foreign_key_refers_to():
    transformer = made(
        Visitor, legacy_id=NO, place=link("places", "p", missing="null"), by_code=link("places", "p")
    )
    fields = planned(transformer, PLACES).fields

    assert fields["legacy_id"].lookup is None
    place, by_code = fields["place"].lookup, fields["by_code"].lookup
    assert place is not None
    assert by_code is not None
    assert [(one.key.name, one.value.name, one.missing) for one in (place, by_code)] == [
        ("legacy_id", "id", "null"),
        ("legacy_id", "code", "reject"),
    ]


def test_a_foreign_key_without_a_link_holds_the_parents_own_key():
    lookup = planned(made(Visitor, legacy_id=NO, place=col("place_pk"))).fields["place"].lookup

    assert lookup is not None
    assert (lookup.key.name, lookup.value.name, lookup.transformer) == ("id", "id", "")


def test_where_the_parents_key_is_a_link_itself_its_own_parent_comes_first():
    rooms = made(Room, "rooms", _key=("place",), place=link("places", "place_no"))
    beds = made(Bed, legacy_id=NO, room=link("rooms", "place_no"))

    lookup = planned(beds, rooms, PLACES).fields["room"].lookup

    assert lookup is not None
    assert lookup.through is not None
    assert (lookup.key.name, lookup.through.key.name, lookup.key_field.name) == (
        "place",
        "legacy_id",
        "legacy_id",
    )


def test_the_key_names_the_columns_that_identify_a_legacy_row():
    transformer = made(
        Pairwise,
        _key=("first", "second"),
        first=concat("a", "b"),
        second=col("b"),
        value=col("c").integer(),
    )
    plan = planned(transformer)

    assert plan.key_columns == ("a", "b")
    assert plan.source_columns == ("a", "b", "c")


def test_a_missing_source_column_is_named_with_those_there_are():
    plan = planned(made(Plain, legacy_id=NO, name=col("name"), value=col("vlaue")))

    plan.require_columns(["no", "name", "vlaue", "more"])
    with pytest.raises(SourceError) as caught:
        plan.require_columns(["no", "name", "value"])
    assert str(caught.value) == (
        f"{HERE}Mine reads column 'vlaue', which old does not have. Did you mean 'value'? "
        "Its columns are no, name, value."
    )


def test_only_a_field_with_room_for_nothing_takes_null():
    class Texts(Transformer):
        class Meta:
            source = "old"
            model = Filled

        legacy_id = key("no")
        name = col("name")
        note = col("note")
        maybe = col("maybe")

        @rule("never mind")
        def fine(self, rows):
            return rows["name"].notna()

    fields = planned(Texts).fields
    assert {name: plan.takes_null for name, plan in fields.items()} == {
        "legacy_id": False,
        "name": False,
        "note": True,
        "maybe": True,
    }
