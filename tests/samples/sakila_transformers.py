"""Transformers for Sakila, with views, sets, years, pictures and places."""

from __future__ import annotations

from etl_assets import Transformer, col, concat, key, link
from tests.samples.sakila.models import Actor, Address, Film, Payment, Role, Staff


class ActorTransformer(Transformer):
    class Meta:
        source = "actor"
        model = Actor

    legacy_id = key("actor_id")
    name = concat("first_name", "last_name").title()
    updated_at = col("last_update")


class FilmTransformer(Transformer):
    class Meta:
        source = "film"
        model = Film

    legacy_id = key("film_id")
    title = col("title").title()
    description = col("description")
    year = col("release_year")
    rate = col("rental_rate")
    minutes = col("length")
    rating = col("rating")
    features = col("special_features").replace(",", ", ")


class RoleTransformer(Transformer):
    class Meta:
        source = "film_actor"
        model = Role
        key = ("film", "actor")

    film = link("films", "film_id")
    actor = link("actors", "actor_id")


class StaffTransformer(Transformer):
    class Meta:
        source = "staff"
        model = Staff
        name = "staff"

    legacy_id = key("staff_id")
    user = col("username").lower()
    picture = col("picture")
    is_active = col("active")


class AddressTransformer(Transformer):
    class Meta:
        source = "address"
        model = Address
        name = "addresses"

    legacy_id = key("address_id")
    street = col("address")
    place = col("location")


class PaymentTransformer(Transformer):
    class Meta:
        source = "payment"
        model = Payment

    legacy_id = key("payment_id")
    amount = col("amount")
    paid_at = col("payment_date").datetime(tz="America/New_York")
