from __future__ import annotations
import datetime as dt, decimal, uuid, json, random
import pytest
from django.db import connections, models
from django.db.models import Q, UniqueConstraint
from etl_assets import Transformer, col, key
from etl_assets.models import Checkpoint, ClaimedKey, Reject, Run
from tests.databases import Pair
from tests.legacy import attempt, counts, dry_run, execute, load, make_table, reasons, rejected, checksums
from tests.targets.models import Place, Plain, Document, Locker, Everything

BOTH = pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)
PG = pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)
SL = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)

class Two(models.Model):
    legacy_id = models.IntegerField(unique=True)
    a = models.IntegerField(null=True); b = models.IntegerField(null=True)
    c = models.IntegerField(null=True); d = models.IntegerField(null=True)
    class Meta:
        app_label = "targets"
        unique_together = (("a", "b"), ("c", "d"))

class Cond(models.Model):
    legacy_id = models.IntegerField(unique=True)
    team = models.CharField(max_length=10, null=True)
    leads = models.BooleanField(default=False)
    hidden = models.CharField(max_length=10, null=True)
    class Meta:
        app_label = "targets"
        constraints = (UniqueConstraint(fields=["team"], condition=Q(leads=True), name="cond_leader"),)

class Comp(models.Model):
    first = models.CharField(max_length=10, null=True)
    second = models.IntegerField(null=True)
    value = models.IntegerField(null=True, unique=True)
    class Meta:
        app_label = "targets"
        unique_together = (("first", "second"),)

class Weird(models.Model):
    id = models.AutoField(primary_key=True, db_column="Id X")
    legacy_id = models.IntegerField(unique=True, db_column="Legacy %(a)s")
    code = models.CharField(max_length=64, unique=True, db_column="Code %% '")
    class Meta:
        app_label = "targets"
        db_table = "We ird T"

class Typed(models.Model):
    legacy_id = models.IntegerField(unique=True)
    span = models.DurationField(null=True, unique=True)
    clock = models.TimeField(null=True, unique=True)
    moment = models.DateTimeField(null=True, unique=True)
    day = models.DateField(null=True, unique=True)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True, unique=True)
    wide = models.DecimalField(max_digits=50, decimal_places=3, null=True)
    token = models.UUIDField(null=True, unique=True)
    data = models.JSONField(null=True)
    flag = models.BooleanField(null=True)
    class Meta:
        app_label = "targets"

def tr(model, source, **maps):
    cols = {}
    for f, e in maps.items():
        cols[f] = e
    meta = type("Meta", (), {"source": source, "model": model, "name": source, **({"key": cols.pop("_key")} if "_key" in cols else {})})
    return type(f"T{source}", (Transformer,), {"Meta": meta, "__module__": __name__, **cols})

def clear(*ms):
    for m in (Reject, Run, Checkpoint, ClaimedKey, *ms):
        m.objects.all().delete()

SIZES = (1, 2, 3, 2000)
def across(t, model, fields, sizes=SIZES, dry=True, modes=(True, False)):
    first = None
    for rollback in modes:
        for size in sizes:
            clear(model)
            if dry:
                before = checksums()
                d = dry_run(t, batch_size=size).transformers[t._meta.name]
                assert d.error is None, (size, d.error, d.exception)
                assert checksums() == before
            r = load(t, batch_size=size, rollback=rollback)
            out = (sorted(model.objects.values_list(*fields), key=repr), sorted((x.raw.get("row_id"), x.field, x.code) for x in r.rejects), counts(r))
            if dry:
                dout = (sorted((x.raw.get("row_id"), x.field, x.code) for x in d.rejects), counts(d))
                assert dout == out[1:], ("dry", size)
            if first is None: first = out
            assert out == first, (rollback, size)
    return first

def src(name, columns, rows):
    make_table(name, {"row_id": "integer", **columns}, [(n, *r) for n, r in enumerate(rows, 1)], primary_key="row_id")

@BOTH
def test_two_sets(pair):
    src("two", dict.fromkeys(["no", "a", "b", "c", "d"], "integer"),
        [(1, 1, 2, 9, 9), (2, 1, 2, 8, 8), (3, 5, 5, 1, 2), (4, 6, 6, 1, 2)])
    t = tr(Two, "two", legacy_id=key("no"), a=col("a"), b=col("b"), c=col("c"), d=col("d"))
    out = across(t, Two, ["legacy_id"])
    assert out[0] == [(1,), (3,)]

@BOTH
def test_two_sets_random(pair):
    rnd = random.Random(3)
    for i in range(8):
        rows = [tuple([rnd.choice(range(1, 30))] + [rnd.choice([1, 2, 3, 4, None]) for _ in range(4)]) for _ in range(25)]
        src("two", dict.fromkeys(["no", "a", "b", "c", "d"], "integer"), rows)
        keys, s1, s2, exp = set(), set(), set(), []
        for r in rows:
            k1 = None if None in r[1:3] else r[1:3]; k2 = None if None in r[3:5] else r[3:5]
            if r[0] in keys or (k1 and k1 in s1) or (k2 and k2 in s2): continue
            keys.add(r[0]); s1.add(k1); s2.add(k2); exp.append((r[0],))
        t = tr(Two, "two", legacy_id=key("no"), a=col("a"), b=col("b"), c=col("c"), d=col("d"))
        out = across(t, Two, ["legacy_id"], sizes=(1, 3, 100), modes=(True,))
        assert out[0] == sorted(exp, key=repr)

def hidden_index():
    execute('CREATE UNIQUE INDEX hid ON targets_cond (lower(hidden))', using="default")

@BOTH
def test_hidden(pair):
    hidden_index()
    rnd = random.Random(5)
    for i in range(12):
        rows = [(rnd.choice(range(1, 16)), rnd.choice(["t", "u", "v", None]), rnd.choice("YN"), rnd.choice(["a", "A", "b", "B", "c", "d", "e", "f", None])) for _ in range(20)]
        src("cond", {"no": "integer", "team": "varchar(9)", "leads": "varchar(1)", "hidden": "varchar(9)"}, rows)
        keys, teams, hid, exp = set(), set(), set(), []
        for no, team, leads, h in rows:
            hh = h and h.lower()
            if no in keys or (team and leads == "Y" and team in teams) or (hh and hh in hid): continue
            keys.add(no); exp.append((no,)); hid.add(hh)
            if leads == "Y": teams.add(team)
        t = tr(Cond, "cond", legacy_id=key("no"), team=col("team"), leads=col("leads").boolean(true=("Y",), false=("N",)), hidden=col("hidden"))
        for size in (1, 2, 3, 7, 2000):
            for rollback in (True, False):
                clear(Cond)
                r = load(t, batch_size=size, rollback=rollback)
                assert sorted(Cond.objects.values_list("legacy_id")) == sorted(exp), (i, size, rollback)

@BOTH
def test_comp(pair):
    rows = [("a", 1, 1), ("a", None, 2), ("a", None, 3), (None, None, 4), (None, None, 5), (None, 1, 1), ("a", 1, 7), (None, 1, 8), ("a", None, 8), ("b", 2, 8)]
    src("comp", {"f": "varchar(9)", "s": "integer", "v": "integer"}, rows)
    t = tr(Comp, "comp", _key=("first", "second"), first=col("f"), second=col("s"), value=col("v"))
    print(across(t, Comp, ["first", "second", "value"]))

@BOTH
def test_weird(pair):
    import hashlib
    rows = [(n, hashlib.md5(str(n).encode()).hexdigest()) for n in range(5000)]
    rows[3000] = (17, "x"); rows[3001] = (3001, rows[2][1])
    src("weird", {"no": "integer", "code": "varchar(40)"}, rows)
    t = tr(Weird, "weird", legacy_id=key("no"), code=col("code"))
    for size in (1000, 10000):
        d = dry_run(t, batch_size=size).transformers["weird"]
        assert counts(d) == (5000, 4998, 0, 0, 2, 0), d.error
    out = across(t, Weird, ["pk"], sizes=(1000,), dry=False, modes=(True,))
    assert out[2] == (5000, 4998, 0, 0, 2, 0)
    r = load(t, batch_size=1000)
    assert counts(r) == (5000, 0, 0, 4998, 2, 0)
    with connections["default"].cursor() as c:
        c.execute('SELECT "Legacy %(a)s", "Code %% \'\'" FROM "We ird T" ORDER BY "Id X"'.replace("''", "'"))
        assert [x for x in c.fetchall()] == [r for n, r in enumerate(rows) if n not in (3000, 3001)]

@PG
def test_weird_sequence(pair):
    execute('ALTER SEQUENCE "We ird T_Id X_seq" RENAME TO "Se\'q ""%s%% X"', using="default")
    test_weird.__wrapped__(pair) if hasattr(test_weird, "__wrapped__") else test_weird(pair)

@PG
def test_always(pair):
    execute("ALTER TABLE targets_place ALTER COLUMN id SET GENERATED ALWAYS", using="default")
    rows = [(n, f"{n*7919%5000:04}") for n in range(5000)]; rows[20] = (20, rows[3][1]); rows[30] = (5, "zz")
    src("pl", {"no": "integer", "code": "varchar(8)"}, rows)
    t = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
    out = across(t, Place, ["legacy_id"], sizes=(1000, 5000))
    class Late(t):  # others that are created: a doubtful row that wins
        class Meta(t.Meta): pass

@PG
def test_always_small(pair):
    """Rows that are compared and created in a dry run."""
    execute("ALTER TABLE targets_cond ALTER COLUMN id SET GENERATED ALWAYS", using="default")
    rows = [(1, "t", "N", None), (2, "t", "Y", None), (3, "t", "Y", None)]
    src("cond", {"no": "integer", "team": "varchar(9)", "leads": "varchar(1)", "hidden": "varchar(9)"}, rows)
    t = tr(Cond, "cond", legacy_id=key("no"), team=col("team"), leads=col("leads").boolean(true=("Y",), false=("N",)), hidden=col("hidden"))
    out = across(t, Cond, ["legacy_id"])
    assert out[0] == [(1,), (2,)]

@SL
def test_ignoring_trigger(pair):
    execute("CREATE TRIGGER ign BEFORE INSERT ON targets_plain WHEN NEW.value = 7 BEGIN SELECT RAISE(IGNORE); END", using="default")
    make_table("old", {"id": "varchar(20)", "name": "varchar(20)", "value": "integer"}, [("a", "x", 7), ("b", "y", 8)], primary_key="id")
    t = tr(Plain, "old", legacy_id=key("id"), name=col("name"), value=col("value"))
    r = attempt(t)
    assert Plain.objects.count() in (0,) and r.status == "failed", (r.status, counts(r), Plain.objects.count())

@PG
def test_ignoring_trigger_pg(pair):
    execute("CREATE FUNCTION ign() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.value = 7 THEN RETURN NULL; END IF; NEW.name := upper(NEW.name); RETURN NEW; END $$", using="default")
    execute("CREATE TRIGGER ign BEFORE INSERT ON targets_plain FOR EACH ROW EXECUTE FUNCTION ign()", using="default")
    make_table("old", {"id": "varchar(20)", "name": "varchar(20)", "value": "integer"}, [("a", "x", 7), ("b", "y", 8)], primary_key="id")
    t = tr(Plain, "old", legacy_id=key("id"), name=col("name"), value=col("value"))
    r = attempt(t)
    assert Plain.objects.count() in (0,) and r.status == "failed", (r.status, counts(r), Plain.objects.count())

@PG
def test_backslash_dot(pair):
    texts = ["a\n\\.\nb", "\\.", "\n\\.\n", "x\r\n\\.\r\ny"]
    make_table("old", {"id": "varchar(20)", "name": "varchar(20)", "value": "integer"}, [(f"k{n}", x, n) for n, x in enumerate(texts)], primary_key="id")
    t = tr(Plain, "old", legacy_id=key("id"), name=col("name"), value=col("value"))
    out = across(t, Plain, ["name"])
    assert out[0] == sorted(((x,) for x in texts), key=repr)

@PG
def test_negative_sequence(pair):
    execute("ALTER SEQUENCE targets_place_id_seq MINVALUE -9223372036854775808 RESTART -9223372036854775808", using="default")
    rows = [(n, f"{n*7919%5000:04}") for n in range(2000)]
    src("pl", {"no": "integer", "code": "varchar(8)"}, rows)
    t = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
    load(t)
    assert Place.objects.count() == 2000

@PG
def test_rls(pair):
    execute("ALTER TABLE targets_place ENABLE ROW LEVEL SECURITY", using="default")
    execute("ALTER TABLE targets_place FORCE ROW LEVEL SECURITY", using="default")
    execute("CREATE POLICY p ON targets_place USING (true) WITH CHECK (true)", using="default")
    with connections["default"].cursor() as c:
        c.execute("SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"); print(c.fetchall())
    src("pl", {"no": "integer", "code": "varchar(8)"}, [(1, "a"), (2, "b")])
    t = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
    load(t)

@PG
def test_view(pair):
    execute("ALTER TABLE targets_plain RENAME TO real_plain", using="default")
    execute("CREATE VIEW targets_plain AS SELECT * FROM real_plain", using="default")
    make_table("old", {"id": "varchar(20)", "name": "varchar(20)", "value": "integer"}, [("a", "x", 7), ("b", "y", 8)], primary_key="id")
    t = tr(Plain, "old", legacy_id=key("id"), name=col("name"), value=col("value"))
    load(t)

@BOTH
@pytest.mark.parametrize("n", [40, 3000])
def test_typed(pair, n):
    rnd = random.Random(1)
    ns = list(range(n)); rnd.shuffle(ns)
    base = dt.datetime(2020, 1, 1, 0, 0, 0)
    rows = []
    for i, k in enumerate(ns):
        moment = base + dt.timedelta(minutes=k, microseconds=(k % 3) * 250000)
        rows.append((i,
            None if k % 11 == 0 else f"{k%24:02}:{(k//24)%60:02}:{(k//1440):02}" + (".5" if k % 2 else ""),
            None if k % 7 == 0 else moment.isoformat(sep=" "),
            None if k % 5 == 0 else (dt.date(1990, 1, 1) + dt.timedelta(k)).isoformat(),
            None if k % 13 == 0 else f"{'-' if k % 2 else ''}{k}.{k%10}00",
            None if k % 3 == 0 else str(uuid.UUID(int=k << 64 | 5)),
            None if k % 4 == 0 else json.dumps({"a": [k, None, "ü\"'\\"], "b": True}),
            None if k % 6 == 0 else k % 2))
    src("typed", {"no": "integer", "clock": "varchar(20)", "moment": "varchar(30)", "day": "varchar(12)", "price": "varchar(20)", "token": "varchar(40)", "data": "text", "flag": "integer"}, rows)
    t = tr(Typed, "typed", legacy_id=key("no"), clock=col("clock"), moment=col("moment"), day=col("day"), price=col("price"), wide=col("price"), token=col("token"), data=col("data"), flag=col("flag").boolean())
    fields = ["legacy_id", "clock", "moment", "day", "price", "wide", "token", "data", "flag"]
    from zoneinfo import ZoneInfo
    from django.conf import settings
    for size in (7, 1500, 10000) if n < 100 else (1500, 10000):
        clear(Typed)
        load(t, batch_size=size)
        got = {r[0]: r[1:] for r in Typed.objects.values_list(*fields)}
        assert len(got) == n
        zone = ZoneInfo(settings.TIME_ZONE)
        for no, clock, moment, day, price, token, data, flag in rows:
            exp = (clock and dt.time.fromisoformat(clock + ("00000" if "." in clock else "")),
                moment and dt.datetime.fromisoformat(moment).replace(tzinfo=zone),
                day and dt.date.fromisoformat(day), price and decimal.Decimal(price), price and decimal.Decimal(price),
                token and uuid.UUID(token), data and json.loads(data), None if flag is None else bool(flag))
            assert got[no] == exp, (no, got[no], exp)
        assert counts(load(t, batch_size=size))[:4] == (n, 0, 0, n)

@BOTH
def test_uuid_pk(pair):
    rows = [(n, f"{n*7919%5000:04}") for n in range(3000)]; rows[2500] = (3, "q")
    src("docs", {"no": "integer", "code": "varchar(8)"}, rows)
    t = tr(Document, "docs", legacy_id=key("no"), title=col("code"))
    out = across(t, Document, ["legacy_id", "title"], sizes=(1, 3000) if False else (900, 3000))
    assert len(out[0]) == 2999

@BOTH
def test_locker(pair):
    rows = [(1, 1, 1), (2, 1, None), (3, 1, None), (4, None, None), (5, None, None), (6, None, 1), (1, 9, 9), (7, 9, 9)]
    src("lock", {"no": "integer", "room": "integer", "door": "integer"}, rows)
    t = tr(Locker, "lock", legacy_id=key("no"), room=col("room"), door=col("door"))
    out = across(t, Locker, ["legacy_id"])
    print(out)

@PG
def test_two_postgres_reason_cond(pair):
    execute("CREATE FUNCTION luck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.hidden = 'bad' THEN RAISE EXCEPTION 'unlucky'; END IF; RETURN NEW; END $$", using="default")
    execute("CREATE TRIGGER luck BEFORE INSERT ON targets_cond FOR EACH ROW EXECUTE FUNCTION luck()", using="default")
    rows = [(1, "t", "N", None), (2, "t", "Y", None), (3, "t", "N", "bad"), (4, "t", "Y", None)]
    src("cond", {"no": "integer", "team": "varchar(9)", "leads": "varchar(1)", "hidden": "varchar(9)"}, rows)
    t = tr(Cond, "cond", legacy_id=key("no"), team=col("team"), leads=col("leads").boolean(true=("Y",), false=("N",)), hidden=col("hidden"))
    r = load(t)
    print(reasons(r))
    assert "row 1" not in str(reasons(r))

@BOTH
def test_resume_into_emptied(pair):
    rows = [(1, "a"), (2, "b"), (1, "c"), (3, "d"), (4, "e")]
    src("pl", {"no": "integer", "code": "varchar(8)"}, rows)
    t = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
    seen = []
    class Cut(t):
        class Meta(t.Meta): pass
        def transform(self, rows):
            seen.append(1)
            if len(seen) == 3: raise RuntimeError("x")
            return rows
    r = attempt(Cut, batch_size=1, rollback=False)
    assert r.status == "failed"
    print(Place.objects.count(), ClaimedKey.objects.count(), Checkpoint.objects.count())
    Place.objects.all().delete()
    class Goes(t):
        class Meta(t.Meta): pass
        def transform(self, rows): return rows
    r = load(Goes, batch_size=1, rollback=False)
    assert counts(r) == (3, 2, 0, 0, 1, 0)
