from __future__ import annotations
import random, threading, re
import pytest
from django.db import connections, models, transaction
from django.db.models import F, Q, UniqueConstraint
from etl_assets import Transformer, col, key, link
from etl_assets.models import Checkpoint, ClaimedKey, Reject, Run
from tests.databases import Pair
from tests.legacy import attempt, counts, dry_run, execute, load, make_table, reasons, rejected, checksums
from tests.targets.models import Place, Plain, Visitor, Badge, Ticket, Country, Pairwise
from tests.integration.test_adv_scratch import tr, src, across, clear, BOTH, PG, SL, Cond

class Nocase(models.Model):
    legacy_id = models.CharField(max_length=10, unique=True, db_collation="NOCASE")
    code = models.CharField(max_length=10, null=True, unique=True, db_collation="RTRIM")
    class Meta:
        app_label = "targets"

class Gen(models.Model):
    legacy_id = models.IntegerField(unique=True)
    net = models.IntegerField()
    factor = models.IntegerField(db_default=2)
    gross = models.GeneratedField(expression=F("net") * F("factor"), output_field=models.IntegerField(), db_persist=True)
    kind = models.CharField(max_length=5, default="x")
    class Meta:
        app_label = "targets"
        constraints = (UniqueConstraint(fields=["net", "kind"], name="gen_once"),)

@SL
def test_nocase(pair):
    # only here: no table on PostgreSQL
    rows = [("a", "x"), ("A", "y"), ("b", "x "), ("c", None), ("C", None), ("d", "z"), ("e", "z  "), ("É", "é"), ("é", "É")]
    src("nc", {"no": "varchar(10)", "code": "varchar(10)"}, rows)
    t = tr(Nocase, "nc", legacy_id=key("no"), code=col("code"))
    out = across(t, Nocase, ["legacy_id", "code"])
    assert [r[0] for r in out[0]] == sorted(["a", "c", "d", "É", "é"], key=lambda x: repr((x,)))

@BOTH
def test_gen(pair):
    rows = [(1, 5), (2, 6), (3, 5), (1, 7), (4, 7)]
    src("gen", {"no": "integer", "net": "integer"}, rows)
    t = tr(Gen, "gen", legacy_id=key("no"), net=col("net"))
    out = across(t, Gen, ["legacy_id", "net", "gross", "kind", "factor"])
    assert out[0] == [(1, 5, 10, "x", 2), (2, 6, 12, "x", 2), (4, 7, 14, "x", 2)]

@BOTH
def test_mapped_pk(pair):
    rows = [(n * 7 % 3001, f"t{n}") for n in range(3001)] ; rows[2000] = (7, "again")
    src("tick", {"no": "integer", "title": "varchar(20)"}, rows)
    t = tr(Ticket, "tick", id=key("no"), title=col("title"))
    out = across(t, Ticket, ["id", "title"], sizes=(700, 3001))
    assert len(out[0]) == 3000
    assert Ticket.objects.create(title="n").pk == 3001
    src("ctry", {"no": "varchar(4)", "title": "varchar(20)"}, [(f"{n:04}"[::-1], f"t{n}") for n in range(3001)] + [("0000", "x")])
    t = tr(Country, "ctry", code=key("no"), name=col("title"))
    out = across(t, Country, ["code", "name"], sizes=(700, 3002))
    assert len(out[0]) == 3001

@BOTH
def test_links(pair):
    make_table("pl", {"no": "integer", "code": "varchar(8)"}, [(n, f"c{n}") for n in range(1, 21)], primary_key="no")
    P = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
    load(P)
    src("vis", {"no": "integer", "place": "integer"}, [(n, 1 + n % 20) for n in range(3000)])
    V = type("V", (Transformer,), {"Meta": type("Meta", (), {"source": "vis", "model": Visitor, "name": "vis"}), "__module__": __name__, "legacy_id": key("no"), "place": link("pl", "place"), "by_code": link("pl", "place")})
    r = load(V, P, batch_size=1000)
    assert counts(r)[1] == 3000
    assert {v.legacy_id: v.place.legacy_id for v in Visitor.objects.select_related("place")} == {n: 1 + n % 20 for n in range(3000)}
    assert all(v.by_code_id == f"c{1 + v.legacy_id % 20}" for v in Visitor.objects.all())
    src("bad", {"no": "integer", "v": "integer"}, [(1, 5), (2, 5), (3, 6), (3, 7), (4, 7), (5, 99999)])
    B = type("B", (Transformer,), {"Meta": type("Meta", (), {"source": "bad", "model": Badge, "name": "bad"}), "__module__": __name__, "legacy_id": key("no"), "visitor": link("vis", "v")})
    for size in (1, 2, 2000):
        clear(Badge)
        r = load(B, V, P, batch_size=size)
        assert sorted(Badge.objects.values_list("legacy_id", "visitor__legacy_id")) == [(1, 5), (3, 6), (4, 7)]
        assert rejected(r) == [("2", "visitor", "unique"), ("3", "", "duplicate_key"), ("5", "visitor", "link")], size

@BOTH
def test_many_keys(pair):
    rnd = random.Random(9)
    parts = ["a", "b|", "|b", "\\", "a\\|", "", " ", "\\|"]
    rows = [(rnd.choice(parts) + rnd.choice(parts), rnd.choice(parts) + str(rnd.randrange(20)), n) for n in range(1500)]
    src("pw", {"f": "varchar(10)", "s": "varchar(10)", "v": "integer"}, rows)
    t = tr(Pairwise, "pw", _key=("first", "second"), first=col("f"), second=col("s"), value=col("v"))
    for size in (1, 7, 2000):
        for rollback in (True, False) if size > 1 else (True,):
            clear(Pairwise)
            r = load(t, batch_size=size, rollback=rollback)
            bad = {x.raw["row_id"] for x in r.rejects if x.code != "duplicate_key"}
            exp = {}
            for n, (f, s, v) in enumerate(rows, 1):
                if n not in bad: exp.setdefault((f, s), v)
            got = {(f, s): v for f, s, v in Pairwise.objects.values_list("first", "second", "value")}
            assert got == exp, size
            assert counts(r)[1] == len(exp) and counts(r)[4] == 1500 - len(exp)

@PG
@pytest.mark.parametrize("rollback", [True, False])
@pytest.mark.parametrize("size", [2, 1000])
def test_other_session(pair, rollback, size):
    import psycopg
    url = pair.target.url
    n = 4 if size == 2 else 3000
    src("pl", {"no": "integer", "code": "varchar(8)"}, [(k, f"c{k}") for k in range(n)])
    t0 = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
    seen = []
    class Meddled(t0):
        class Meta(t0.Meta): pass
        def transform(self, rows):
            seen.append(1)
            if len(seen) == 2:
                with psycopg.connect(url) as c:
                    c.execute("SET lock_timeout = '1s'")
                    c.execute(f"INSERT INTO targets_place (legacy_id, code, name) VALUES ({n-1}, 'zz', 'kept'), (-5, 'c{n-2}', '')")
            return rows
    r = load(Meddled, batch_size=size, rollback=rollback)
    assert counts(r) == (n, n - 2, 1, 0, 1, 0)
    assert rejected(r) == [(str(n - 2), "code", "unique")]
    assert Place.objects.get(legacy_id=n - 1).code == f"c{n-1}"
    assert Place.objects.get(legacy_id=n - 1).name == "kept"

@PG
def test_rls_user(pair):
    import psycopg
    execute("ALTER TABLE targets_place ENABLE ROW LEVEL SECURITY", using="default")
    execute("DROP ROLE IF EXISTS etl_adv", using="default")
    execute("CREATE ROLE etl_adv", using="default")
    execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO etl_adv", using="default")
    execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO etl_adv", using="default")
    execute("CREATE POLICY p ON targets_place USING (true) WITH CHECK (true)", using="default")
    execute("SET ROLE etl_adv", using="default")
    try:
        src("pl", {"no": "integer", "code": "varchar(8)"}, [(1, "a"), (2, "b"), (1, "c")])
        t = tr(Place, "pl", legacy_id=key("no"), code=col("code"))
        assert counts(load(t)) == (3, 2, 0, 0, 1, 0)
    finally:
        execute("RESET ROLE", using="default")
        execute("DROP OWNED BY etl_adv", using="default")
        execute("DROP ROLE etl_adv", using="default")

@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
@pytest.mark.parametrize("dry", [False, True])
def test_same_file(pair, dry):
    make_table("pl", {"row_id": "integer", "no": "varchar(20)", "code": "varchar(20)"}, [(n, f"k{n}", f"c{n}") for n in range(3000)] + [(3000 + n, f"x{n}", f"c{n}") for n in range(3000)], primary_key="row_id", using="default")
    class T(Transformer):
        class Meta:
            source = "pl"; model = Country; name = "pl"; database = "default"
        code = key("no")
        name = col("code")
    class Z(Transformer):
        class Meta:
            source = "pl"; model = NocaseLess; name = "pl"; database = "default"
        legacy_id = key("no")
        code = col("code")
    for _ in range(3):
        clear(NocaseLess)
        r = dry_run(Z, batch_size=60).transformers["pl"] if dry else load(Z, batch_size=60)
        assert r.error is None
        assert counts(r) == (6000, 3000, 0, 0, 3000, 0)
        bad = {re.sub(r"\d+", "N", x.reason) for x in r.rejects}
        assert bad == {"code: 'cN' is taken by another row of the target"}, bad
        assert {x.code for x in r.rejects} == {"unique"}

class NocaseLess(models.Model):
    legacy_id = models.CharField(max_length=10, unique=True)
    code = models.CharField(max_length=10, null=True, unique=True)
    class Meta:
        app_label = "targets"

@BOTH
def test_trigger_and_cond(pair):
    if connections["default"].vendor == "sqlite":
        execute("CREATE TRIGGER luck BEFORE INSERT ON targets_cond WHEN NEW.hidden = 'bad' BEGIN SELECT RAISE(ABORT, 'unlucky'); END", using="default")
    else:
        execute("CREATE FUNCTION luck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.hidden = 'bad' THEN RAISE EXCEPTION 'unlucky'; END IF; RETURN NEW; END $$", using="default")
        execute("CREATE TRIGGER luck BEFORE INSERT ON targets_cond FOR EACH ROW EXECUTE FUNCTION luck()", using="default")
    execute('CREATE UNIQUE INDEX hid ON targets_cond (lower(hidden))', using="default")
    rnd = random.Random(11)
    for i in range(5):
        rows = [(rnd.choice(range(1, 40)), rnd.choice(["t", "u", "v", "w", "x", None]), rnd.choice("YNNN"), rnd.choice(["a", "A", "bad", "B", "b", *"cdefghijklmn", None])) for _ in range(40)]
        src("cond", {"no": "integer", "team": "varchar(9)", "leads": "varchar(1)", "hidden": "varchar(9)"}, rows)
        keys, teams, hid, exp = set(), set(), set(), []
        for no, team, leads, h in rows:
            hh = h and h.lower()
            if h == "bad" or no in keys or (team and leads == "Y" and team in teams) or (hh and hh in hid): continue
            keys.add(no); exp.append((no,)); hid.add(hh)
            if leads == "Y": teams.add(team)
        t = tr(Cond, "cond", legacy_id=key("no"), team=col("team"), leads=col("leads").boolean(true=("Y",), false=("N",)), hidden=col("hidden"))
        codes = None
        for size in (1, 3, 11, 2000):
            for mode in ("roll", "commit", "dry"):
                clear(Cond)
                r = dry_run(t, batch_size=size).transformers["cond"] if mode == "dry" else load(t, batch_size=size, rollback=mode == "roll")
                if mode != "dry":
                    assert sorted(Cond.objects.values_list("legacy_id")) == sorted(exp), (i, size, mode)
                assert counts(r) == (40, len(exp), 0, 0, 40 - len(exp), 0)
                found = sorted((x.raw["row_id"], x.code) for x in r.rejects)
                codes = codes or found
                assert [n for n, _ in found] == [n for n, _ in codes]
    assert not [x for x in threading.enumerate() if x.name.startswith("etl")]
