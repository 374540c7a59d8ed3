"""Moves the Chinook sample. Not named `transformers`, so that only tests that ask for it discover it."""

from __future__ import annotations

from decimal import Decimal

from etl_assets import Query, Transformer, col, concat, key, link
from tests.samples.chinook.models import Album, Artist, Customer, Genre, Invoice, Playlist, Track

MEDIA = {1: "audio", 2: "audio", 3: "video", 4: "audio", 5: "audio"}


class ArtistTransformer(Transformer):
    class Meta:
        source = "Artist"
        model = Artist

    legacy_id = key("ArtistId")
    name = col("Name").strip()


class GenreTransformer(Transformer):
    """Takes the name for a key: the new shop has no numbers for genres."""

    class Meta:
        source = "Genre"
        model = Genre

    name = key("Name")


class AlbumTransformer(Transformer):
    class Meta:
        source = "Album"
        model = Album

    legacy_id = key("AlbumId")
    title = col("Title").strip()
    artist = link("artists", "ArtistId")


class TrackTransformer(Transformer):
    """Sorted by name, and joined to its genre, which goes by its name now."""

    class Meta:
        source = Query(
            'SELECT t.*, g."Name" AS genre FROM "Track" t LEFT JOIN "Genre" g ON g."GenreId" = t."GenreId"'
        )
        model = Track
        order_by = ("Name", "TrackId")

    legacy_id = key("TrackId")
    name = col("Name")
    album = link("albums", "AlbumId")
    genre = link("genres", "genre", missing="null")
    medium = col("MediaTypeId").map(MEDIA)
    composer = col("Composer").collapse_spaces()
    seconds = col("Milliseconds").apply(lambda milliseconds: Decimal(milliseconds) / 1000).decimal(3)
    size = col("Bytes")
    price = col("UnitPrice").decimal(2).between(0, "1.99")


class PlaylistTransformer(Transformer):
    class Meta:
        source = "Playlist"
        model = Playlist

    number = key("PlaylistId")
    name = col("Name").fix_encoding()


class PlaylistTrackTransformer(Transformer):
    class Meta:
        source = "PlaylistTrack"
        model = Playlist.tracks.through
        name = "playlist_tracks"
        key = ("playlist", "track")

    playlist = link("playlists", "PlaylistId")
    track = link("tracks", "TrackId")


class CustomerTransformer(Transformer):
    class Meta:
        source = "Customer"
        model = Customer

    legacy_id = key("CustomerId")
    email = col("Email").lower().email()
    name = concat("FirstName", "LastName")
    company = col("Company")
    phone = col("Phone").digits()


class InvoiceTransformer(Transformer):
    """The shop is in Edmonton, and wrote local times."""

    class Meta:
        source = "Invoice"
        model = Invoice

    legacy_id = key("InvoiceId")
    customer = link("customers", "CustomerId")
    issued_at = col("InvoiceDate").datetime("%Y-%m-%d %H:%M:%S", tz="America/Edmonton")
    country = col("BillingCountry").upper()
    total = col("Total").decimal(2)
