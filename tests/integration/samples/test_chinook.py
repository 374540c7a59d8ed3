"""Chinook: decimals, choices, many-to-many, a name as key; each row compared with a plain reading."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from etl_assets.models import Reject
from etl_assets.registry import Registry, discover
from tests.databases import VENDORS, Database, Databases, Vendor
from tests.samples.chinook.models import Album, Artist, Customer, Genre, Invoice, Playlist, Track
from tests.samples.legacy import execute, rows_of
from tests.samples.runs import counts, fingerprint, load, rejects, try_out

Rows = dict[str, set[tuple]]


@pytest.fixture
def registry() -> Registry:
    return discover(["tests.samples.chinook_transformers"])


def is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Edmonton")).astimezone(dt.UTC)


def money(number: float) -> Decimal:
    return Decimal(str(number))


def plain_reading(path: Path) -> Rows:
    """What the target must hold, row by row, without any of the code under test."""
    genres = dict(rows_of(path, "SELECT GenreId, Name FROM Genre"))
    customers = {
        (number, email.lower(), f"{first} {last}", company, re.sub(r"\D", "", phone or ""))
        for number, first, last, company, phone, email in rows_of(
            path, "SELECT CustomerId, FirstName, LastName, Company, Phone, Email FROM Customer"
        )
        if is_email(email)
    }
    known = {number for number, *_ in customers}
    return {
        "artists": {(number, name.strip()) for number, name in rows_of(path, "SELECT * FROM Artist")},
        "genres": {(name,) for name in genres.values()},
        "albums": {
            (number, title.strip(), artist) for number, title, artist in rows_of(path, "SELECT * FROM Album")
        },
        "tracks": {
            (
                number,
                name,
                album,
                genres.get(genre),
                "video" if medium == 3 else "audio",
                " ".join((composer or "").split()),
                Decimal(milliseconds) / 1000,
                size,
                money(price),
                0,
            )
            for number, name, album, medium, genre, composer, milliseconds, size, price in rows_of(
                path, "SELECT * FROM Track"
            )
        },
        "playlists": set(rows_of(path, "SELECT * FROM Playlist")),
        "playlist_tracks": set(rows_of(path, "SELECT * FROM PlaylistTrack")),
        "customers": customers,
        "invoices": {
            (number, customer, local(issued), country.upper(), money(total))
            for number, customer, issued, country, total in rows_of(
                path, "SELECT InvoiceId, CustomerId, InvoiceDate, BillingCountry, Total FROM Invoice"
            )
            if customer in known
        },
    }


def what_arrived() -> Rows:
    return {
        "artists": {*Artist.objects.values_list("legacy_id", "name")},
        "genres": {*Genre.objects.values_list("name")},
        "albums": {*Album.objects.values_list("legacy_id", "title", "artist__legacy_id")},
        "tracks": {
            *Track.objects.values_list(
                "legacy_id",
                "name",
                "album__legacy_id",
                "genre__name",
                "medium",
                "composer",
                "seconds",
                "size",
                "price",
                "plays",
            )
        },
        "playlists": {*Playlist.objects.values_list("number", "name")},
        "playlist_tracks": {*Playlist.tracks.through.objects.values_list("playlist__number", "track_id")},
        "customers": {*Customer.objects.values_list("legacy_id", "email", "name", "company", "phone")},
        "invoices": {
            *Invoice.objects.values_list("legacy_id", "customer__legacy_id", "issued_at", "country", "total")
        },
    }


@pytest.mark.parametrize("target", VENDORS)
@pytest.mark.parametrize("source", VENDORS)
def test_each_row_arrives_as_predicted_and_a_second_run_writes_nothing(
    source: Vendor, target: Vendor, connect, registry: Registry, chinook_file: Path
) -> None:
    connect("chinook", source, target)
    expected = plain_reading(chinook_file)
    new = {}
    for name, transformer in registry.items():
        ((read,),) = rows_of(
            chinook_file, f"SELECT count(*) FROM {name.replace('playlist_tracks', 'PlaylistTracks')[:-1]}"
        )
        new[transformer._meta.name] = {
            "read": read,
            "created": len(expected[name]),
            "updated": 0,
            "unchanged": 0,
            "rejected": read - len(expected[name]),
            "skipped": 0,
            "warnings": 0,
        }

    before = fingerprint()
    predicted = try_out(registry)
    assert counts(predicted) == new
    assert fingerprint() == before

    done = load(registry)
    assert counts(done) == new
    assert rejects(done) == rejects(predicted)
    assert what_arrived() == expected

    before = fingerprint("chinook")
    again = {name: {**some, "created": 0, "unchanged": some["created"]} for name, some in new.items()}
    assert counts(load(registry)) == again
    assert fingerprint("chinook") == before


def test_what_changed_in_the_legacy_database_is_updated_and_nothing_else(
    connect, databases: Databases, registry: Registry, chinook_file: Path, tmp_path: Path
) -> None:
    connect("chinook", "sqlite", "postgresql")
    load(registry)
    Track.objects.filter(legacy_id=7).update(plays=99)
    path = tmp_path / "chinook.sqlite"
    path.write_bytes(chinook_file.read_bytes())
    execute(
        path,
        """
        UPDATE Track SET Composer = 'Nobody', Bytes = NULL WHERE TrackId IN (7, 8);
        UPDATE Invoice SET InvoiceDate = '2021-11-07 01:30:00' WHERE InvoiceId = 1; -- twice that night
        UPDATE Genre SET Name = 'Rock & Roll' WHERE Name = 'Rock And Roll';
        DELETE FROM PlaylistTrack WHERE PlaylistId = 9;
        """,
    )
    databases.connect("legacy", Database.at(path))
    changed_at = Invoice.objects.get(legacy_id=2).changed_at

    changed = {name: (one.counts.created, one.counts.updated) for name, one in load(registry).items()}

    (moved,) = rows_of(
        path, "SELECT count(*) FROM Track JOIN Genre USING (GenreId) WHERE Genre.Name = 'Rock & Roll'"
    )
    assert {name: one for name, one in changed.items() if any(one)} == {
        "genres": (1, 0),  # its key is its name
        "tracks": (0, 2 + moved[0]),
        "invoices": (0, 1),
    }
    expected = plain_reading(path)
    arrived = what_arrived()
    assert arrived["tracks"] == {(*row[:-1], 99 if row[0] == 7 else 0) for row in expected["tracks"]}
    assert arrived["invoices"] == expected["invoices"]
    assert Invoice.objects.get(legacy_id=2).changed_at == changed_at
    assert Invoice.objects.get(legacy_id=1).changed_at > changed_at


VANDALS = """
    PRAGMA foreign_keys = OFF;
    CREATE TABLE a AS SELECT ArtistId, Name FROM Artist; DROP TABLE Artist; ALTER TABLE a RENAME TO Artist;
    INSERT INTO Artist VALUES (5, 'Not Alice'), (NULL, 'Nobody'), (3000, NULL), (3001, ''), (3002, char(9)),
        (3003, 1.5), (3004, 42), (3005, CAST(x'4AFC7267' AS TEXT)), (3006, x'C39C'), ('x', 'No number'),
        (4.5, 'Four and a half'), (99999999999, 'Far'), (3007, printf('%.121c', 'x')), ('', 'Blank');
    CREATE TABLE t AS SELECT * FROM Track; DROP TABLE Track; ALTER TABLE t RENAME TO Track;
    UPDATE Track SET UnitPrice = 2 WHERE TrackId % 50 = 0;
    UPDATE Track SET UnitPrice = 1 WHERE TrackId % 51 = 0;
    UPDATE Track SET UnitPrice = 0.995 WHERE TrackId % 52 = 0;
    UPDATE Track SET UnitPrice = 'cheap' WHERE TrackId % 53 = 0;
    UPDATE Track SET MediaTypeId = 6 WHERE TrackId % 54 = 0;
    UPDATE Track SET AlbumId = 9999 WHERE TrackId % 55 = 0;
    UPDATE Track SET Bytes = -1 WHERE TrackId % 56 = 0;
    UPDATE Track SET Bytes = 'many' WHERE TrackId % 57 = 0;
    UPDATE Track SET Milliseconds = NULL WHERE TrackId % 58 = 0;
    UPDATE Track SET Name = NULL WHERE TrackId % 59 = 0;
    UPDATE Track SET Name = 'Same' WHERE TrackId % 2 = 0;
    INSERT INTO Track SELECT * FROM Track WHERE TrackId % 60 = 0;
"""


@pytest.fixture
def vandalised(chinook_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "vandalised.sqlite"
    path.write_bytes(chinook_file.read_bytes())
    execute(path, VANDALS)
    return path


@pytest.mark.parametrize("target", VENDORS)
def test_the_size_of_batches_changes_nothing(
    target: Vendor, databases: Databases, registry: Registry, vandalised: Path
) -> None:
    """Neither what is loaded nor what is rejected for which reason; and no reject is kept twice."""
    databases.connect("legacy", Database.at(vandalised))
    some = Registry([registry[name] for name in ("artists", "genres", "albums", "tracks")])
    seen = {}
    for size in (10_000, 1_000, 7):
        databases.fresh("default", target, migrated=True)
        done = load(some, batch_size=size)
        seen[size] = counts(done), rejects(done), {name: what_arrived()[name] for name in some}
        if size == 7:
            kept = Reject.objects.count()
            load(some, batch_size=10_000)
            assert Reject.objects.count() == kept
    assert seen[1_000] == seen[10_000]
    assert seen[7] == seen[10_000]

    artists = Registry([registry["artists"]])
    databases.fresh("default", target, migrated=True)
    done = load(artists, batch_size=1)
    assert rejects(done)["artists"] == seen[10_000][1]["artists"]
    assert what_arrived()["artists"] == seen[10_000][2]["artists"]


@pytest.mark.parametrize("target", VENDORS)
def test_vandalised_rows_are_loaded_or_rejected_for_a_true_reason(
    target: Vendor, databases: Databases, registry: Registry, vandalised: Path
) -> None:
    databases.connect("legacy", Database.at(vandalised))
    databases.fresh("default", target, migrated=True)
    good, bad = {}, []
    for number, name, album, medium, composer, milliseconds, size, price, genre in rows_of(
        vandalised,
        "SELECT TrackId, t.Name, AlbumId, MediaTypeId, Composer, Milliseconds, Bytes, UnitPrice, g.Name"
        " FROM Track t LEFT JOIN Genre g USING (GenreId) ORDER BY t.Name, TrackId, t.rowid",
    ):
        faults = {
            ":duplicate_key": number in good,
            "name:null": name is None,
            "album:link": album == 9999,
            "medium:map": medium == 6,
            "seconds:null": milliseconds is None,
            "size:range": size == -1,
            "size:integer": size == "many",
            "price:decimal": price in ("cheap", 0.995),
            "price:between": price == 2,
        }
        if any(faults.values()):
            bad.append((str(number), {fault for fault, is_there in faults.items() if is_there}))
        else:
            seconds = Decimal(milliseconds) / 1000
            medium = "video" if medium == 3 else "audio"
            composer = " ".join((composer or "").split())
            good[number] = (number, name, album, genre, medium, composer, seconds, size, money(price), 0)

    done = load(registry)

    assert what_arrived()["tracks"] == set(good.values())
    found = [(key, f"{field}:{code}") for key, field, code, *_ in rejects(done)["tracks"]]
    assert sorted(key for key, _ in found) == sorted(key for key, _ in bad)
    faults_of = dict(reversed(bad))  # of two rows with one key the later has one fault more, the key
    assert [one for one in found if one[1] not in faults_of[one[0]] | {":duplicate_key"}] == []
