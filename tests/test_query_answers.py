"""Answers of weir query against what others work out from the same store: DuckDB's SQL over its Parquet
files, and rules written down here a second time. The flows are made from a seed: many hosts, some sampled.
"""

import csv
import io
import json
import math
import os
import random
import shutil
import struct
import subprocess
from collections import Counter, defaultdict

import pytest

FLOWS = 30000
PER_DATAGRAM = 30
BOOT_S = 1795356000 - 4000  # of the exporter, 4000 s before 2026-11-22T14:00:00Z
T_MS = 1795356000000


def record(rng):
    """A v5 record: (fields as they are on the wire)."""
    client = f"10.{rng.randrange(4)}.{int(rng.paretovariate(1)) % 256}.{rng.randrange(256)}"
    server = f"192.0.2.{rng.randrange(40)}"
    port = rng.choice([53, 80, 443, 443, 443, 8080])
    src, dst, sport, dport = client, server, rng.randrange(1024, 65536), port
    if rng.random() < 0.5:
        src, dst, sport, dport = dst, src, dport, sport
    packets = int(rng.paretovariate(1.1)) % 100000 + 1
    last = 4000000 + rng.randrange(3600000)
    life = rng.choice([0, rng.randrange(2000), rng.randrange(300000)])
    return dict(src=src, dst=dst, sport=sport, dport=dport, proto=17 if port == 53 else 6, packets=packets,
                bytes=packets * rng.randrange(40, 1500), first=last - life, last=last, src_as=rng.randrange(6),
                dst_as=rng.randrange(6))


def address(text):
    return bytes(map(int, text.split(".")))


def datagram(sequence, records, rate):
    sent = BOOT_S + 8000
    out = struct.pack(">HHIIIIBBH", 5, len(records), 8000000, sent, 0, sequence, 0, 0, 0x4000 | rate if rate > 1 else 0)
    for r in records:
        out += address(r["src"]) + address(r["dst"]) + bytes(4) + struct.pack(
            ">HHIIIIHHBBBBHHBBH", 1, 2, r["packets"], r["bytes"], r["first"], r["last"], r["sport"], r["dport"], 0, 24,
            r["proto"], 0, r["src_as"], r["dst_as"], 24, 24, 0)
    return out


@pytest.fixture(scope="module")
def made():
    """The records with their rates, and the datagrams."""
    rng = random.Random(4)
    records, datagrams = [], []
    for at in range(0, FLOWS, PER_DATAGRAM):
        rate = 1 if at < FLOWS * 2 // 3 else 100
        some = [record(rng) for _ in range(PER_DATAGRAM)]
        datagrams.append(datagram(at, some, rate))
        records += [dict(r, rate=rate) for r in some]
    return records, datagrams


@pytest.fixture(scope="module")
def store(made, tmp_path_factory):
    from conftest import WEIR

    folder = tmp_path_factory.mktemp("answers")
    (folder / "flows.v5").write_bytes(b"".join(made[1]))
    subprocess.run([WEIR, "import", "--store", folder / "store", folder / "flows.v5"], check=True, stderr=subprocess.DEVNULL)
    return folder / "store"


@pytest.fixture(scope="module")
def sql(store):
    """SQL over `flows`: scaled bytes and packets, and `life` in ms."""
    duckdb = pytest.importorskip("duckdb")
    con = duckdb.connect()
    con.execute(f"""CREATE VIEW flows AS SELECT * REPLACE (
        (bytes * CASE WHEN rate > 0 THEN rate ELSE 1 END)::UBIGINT AS bytes,
        (packets * CASE WHEN rate > 0 THEN rate ELSE 1 END)::UBIGINT AS packets),
        epoch_ms(last_ms) - epoch_ms(first_ms) AS life FROM read_parquet('{store}/**/*.parquet') WHERE kind = 'flow'""")
    return lambda text: con.execute(text).fetchall()


@pytest.fixture
def ask(run, store):
    """ask("--by", "proto"): rows of the answer."""

    def query(*args):
        return [json.loads(line) for line in run("query", "--store", store, "--format", "jsonl", *args).stdout.splitlines()]

    return query


def test_the_flows_are_those_that_were_made(sql, made):
    records = made[0]
    assert sql("SELECT count(*), sum(bytes), sum(packets) FROM flows")[0] == (
        FLOWS, sum(r["bytes"] * r["rate"] for r in records), sum(r["packets"] * r["rate"] for r in records))


def test_sums_bounds_and_averages(ask, sql):
    columns = "flows,bytes,avg(bytes),min(bytes),max(packets),sum(duration),avg(duration),min(first),max(last),max(src_port)"
    got = ask("--by", "dst_port", "--top", "0", "--columns", columns, "--sort", "dst_port:asc")
    want = sql("""SELECT dst_port, count(*), sum(bytes), avg(bytes), min(bytes), max(packets), sum(life), avg(life),
        epoch_ms(min(first_ms)), epoch_ms(max(last_ms)), max(src_port) FROM flows GROUP BY 1 ORDER BY 1""")
    assert len(got) == len(want) > 1000
    for g, w in zip(got, want):
        assert tuple(g.values()) == pytest.approx(w, rel=1e-12)


def rank(values, part):
    return sorted(values)[max(math.ceil(part * len(values)), 1) - 1]


@pytest.mark.parametrize("by", ["dst_port", "proto"])
def test_percentiles(ask, sql, by):
    """Exact up to 256 values, less than 1 % off beyond."""
    values = defaultdict(list)
    for key, v in sql(f"SELECT {by}, bytes FROM flows"):
        values[key].append(v)
    got = ask("--by", by, "--top", "0", "--columns", "median(bytes),p95(bytes),p99.9(bytes)")
    assert len(got) == len(values)
    for g in got:
        v = values[g[by]]
        want = [rank(v, p) for p in (0.5, 0.95, 0.999)]
        assert [g["median_bytes"], g["p95_bytes"], g["p99_9_bytes"]] == pytest.approx(want, rel=0 if len(v) <= 256 else 0.01)


def test_distinct_counts(ask, sql):
    """Exact up to 3,072, an estimate with a standard error of 0.6 % beyond."""
    got = ask("--by", "proto", "--columns", "distinct(dst_addr),distinct(src_port),distinct(src_as)", "--sort", "proto:asc")
    want = sql("SELECT proto, count(DISTINCT dst_addr), count(DISTINCT src_port), count(DISTINCT src_as) "
               "FROM flows GROUP BY 1 ORDER BY 1")
    assert any(w > 3072 for row in want for w in row) and any(100 < w <= 3072 for row in want for w in row)
    for g, row in zip(got, want, strict=True):
        for name, w in zip(("distinct_dst_addr", "distinct_src_port", "distinct_src_as"), row[1:]):
            assert g[name] == w if w <= 3072 else g[name] == pytest.approx(w, rel=0.018)


def test_shares_and_the_rest(ask, sql):
    total = sql("SELECT sum(bytes), count(*) FROM flows")[0]
    got = ask("--by", "src_addr", "--top", "5", "--other", "--columns", "bytes,share,cumulative,share(flows),flows")
    assert len(got) == 6 and got[-1]["src_addr"] == "other"
    assert sum(g["bytes"] for g in got) == total[0] and sum(g["flows"] for g in got) == total[1]
    so_far = 0
    for g in got:
        so_far += g["bytes"]
        assert g["share_bytes"] == pytest.approx(g["bytes"] / total[0])
        assert g["cumulative_bytes"] == pytest.approx(so_far / total[0])
        assert g["share_flows"] == pytest.approx(g["flows"] / total[1])


def test_the_last_and_any_order(ask, sql):
    least = ask("--by", "dst_addr", "--bottom", "3", "--columns", "bytes")
    assert [g["bytes"] for g in least] == [r[0] for r in sql("SELECT sum(bytes) b FROM flows GROUP BY dst_addr ORDER BY b LIMIT 3")]
    most = ask("--by", "dst_port", "--top", "7", "--sort", "distinct(src_addr)")
    want = [r[0] for r in sql("SELECT count(DISTINCT src_addr) n FROM flows GROUP BY dst_port ORDER BY n DESC LIMIT 7")]
    assert [g["distinct_src_addr"] for g in most] == [w if w <= 3072 else pytest.approx(w, rel=0.018) for w in want]


def spread(records, bucket_ms):
    """{(bucket, proto): [bytes, packets]}: the rule of docs/query.md once more, in whole numbers."""
    out = defaultdict(lambda: [0, 0])
    for r in records:
        first, last = (r[k] + BOOT_S * 1000 for k in ("first", "last"))
        for at, key in enumerate(("bytes", "packets")):
            total = r[key] * r["rate"]
            if first == last:
                out[last // bucket_ms, r["proto"]][at] += total
            given = 0
            for b in range(first // bucket_ms, last // bucket_ms + 1) if first < last else ():
                elapsed = min(last, (b + 1) * bucket_ms) - first
                upto = total * elapsed // (last - first)
                out[b, r["proto"]][at] += upto - given
                given = upto
    return out


@pytest.mark.parametrize("every,bucket_ms", [("5m", 300000), ("7s", 7000)])
def test_a_series_spreads_flows_exactly(ask, made, every, bucket_ms):
    records = made[0]
    want = spread(records, bucket_ms)
    got = ask("--every", every, "--by", "proto", "--columns", "flows,bytes,packets,bps")
    buckets = sorted({g["time_ms"] for g in got})
    assert buckets == list(range(buckets[0], buckets[-1] + 1, bucket_ms))
    assert len(got) == len(buckets) * 2
    for g in got:
        assert [g["bytes"], g["packets"]] == want.pop((g["time_ms"] // bucket_ms, g["proto"]), [0, 0])
        assert g["bps"] == pytest.approx(g["bytes"] * 8000 / bucket_ms)
    assert not any(any(v) for v in want.values())
    assert sum(g["bytes"] for g in got) == sum(r["bytes"] * r["rate"] for r in records)
    assert sum(g["flows"] for g in got) == FLOWS


def test_a_series_without_spreading(ask, sql):
    got = ask("--every", "10m", "--no-spread", "--columns", "flows,bytes")
    want = sql("SELECT epoch_ms(time_ms) // 600000 * 600000 t, count(*), sum(bytes) FROM flows GROUP BY 1 ORDER BY 1")
    assert [tuple(g.values()) for g in got] == want


def test_groups_are_spread_on_request(ask):
    whole = ask("--by", "time/10m", "--top", "0", "--sort", "time:asc", "--spread", "--columns", "flows,bytes")
    series = [g for g in ask("--every", "10m", "--columns", "flows,bytes") if g["flows"] or g["bytes"]]
    assert whole == series


def test_the_largest_series_and_the_rest(ask):
    every = ["--every", "30m", "--columns", "bytes", "--by", "dst_addr"]
    shown = ask(*every, "--top", "2", "--other")
    largest = [g["dst_addr"] for g in ask("--by", "dst_addr", "--top", "2")]
    names = [g["dst_addr"] for g in shown]
    assert names == (largest + ["other"]) * (len(shown) // 3)
    of_all = Counter()
    for g in ask(*every, "--top", "0"):
        of_all[g["time_ms"]] += g["bytes"]
    of_shown = Counter()
    for g in shown:
        of_shown[g["time_ms"]] += g["bytes"]
    assert of_all == of_shown


def test_both_directions_as_one(ask, sql):
    got = ask("--fold", "--by", "dst_addr,dst_port", "--top", "0", "--columns",
              "flows,bytes,bytes_out,bytes_in,packets_out,packets_in,distinct(src_addr)")
    want = sql("""WITH t AS (SELECT *, src_port < dst_port AS turned FROM flows)
        SELECT hex(CASE WHEN turned THEN src_addr ELSE dst_addr END), least(src_port, dst_port), count(*), sum(bytes),
            coalesce(sum(bytes) FILTER (NOT turned), 0), coalesce(sum(bytes) FILTER (turned), 0),
            coalesce(sum(packets) FILTER (NOT turned), 0), coalesce(sum(packets) FILTER (turned), 0),
            count(DISTINCT CASE WHEN turned THEN dst_addr ELSE src_addr END)
        FROM t WHERE src_port <> dst_port GROUP BY 1, 2""")
    assert {(address(g["dst_addr"]).hex(), *list(g.values())[1:]) for g in got} == {(w[0][-8:].lower(), *w[1:]) for w in want}


def test_a_fold_is_of_conversations_unless_told(ask, made):
    got = ask("--fold", "--top", "0", "--columns", "flows")
    ends = Counter(tuple(sorted([(r["src"], r["sport"]), (r["dst"], r["dport"])])) + (r["proto"],) for r in made[0])
    assert Counter(g["flows"] for g in got) == Counter(ends.values())
    assert list(got[0]) == ["src_addr", "src_port", "dst_addr", "dst_port", "proto", "flows"]


def test_a_matrix(run, store, sql):
    rows = list(csv.reader(io.StringIO(
        run("query", "--store", store, "--matrix", "src_as,dst_as", "--format", "csv").stdout)))
    cells = {(a, b): v for a, b, v in sql("SELECT src_as, dst_as, sum(bytes) FROM flows GROUP BY 1, 2")}
    assert rows[0][0] == "src_as" and rows[0][-1] == "total" and rows[-1][0] == "total"
    for row in rows[1:-1]:
        for title, v in zip(rows[0][1:-1], row[1:-1]):
            assert int(v) == cells.pop((int(row[0]), int(title)))
        assert sum(map(int, row[1:-1])) == int(row[-1])
    assert not cells
    for column in list(zip(*rows[1:]))[1:]:
        assert sum(map(int, column[:-1])) == int(column[-1])


def test_a_cut_matrix_adds_up(run, store, ask, sql):
    rows = list(csv.reader(io.StringIO(run("query", "--store", store, "--matrix", "src_addr,dst_port", "--top", "3",
                                           "--sort", "flows", "--format", "csv").stdout)))
    assert len(rows) == 6 and len(rows[0]) == 6 and int(rows[-1][-1]) == FLOWS
    for row in rows[1:]:
        assert sum(map(int, row[1:-1])) == int(row[-1])
    cells = ask("--matrix", "src_addr,dst_port", "--top", "3", "--sort", "flows", "--columns", "flows")
    assert sum(c["flows"] for c in cells) == FLOWS
    assert {c["src_addr"] for c in cells} == {r[0] for r in rows[1:-1]}


GROUPINGS = [
    ["--columns", "flows,packets,bytes"],
    ["--by", "proto", "--columns", "flows,packets,bytes"],
    ["--by", "src_addr/16,dst_port", "--columns", "flows,packets,bytes"],
    ["--by", "dst_addr", "--columns", "flows,packets,bytes", "--top", "2", "--other"],
    ["--every", "1m", "--columns", "flows,packets,bytes"],
    ["--every", "1m", "--no-spread", "--by", "proto", "--columns", "flows,packets,bytes"],
    ["--fold", "--by", "dst_port", "--columns", "flows,packets,bytes"],
    ["--matrix", "src_as,dst_port", "--columns", "flows,packets,bytes"],
]


@pytest.mark.parametrize("grouping", GROUPINGS, ids=" ".join)
def test_totals_of_every_format_and_grouping_agree(run, store, sql, tmp_path, grouping):
    want = sql("SELECT count(*), sum(packets), sum(bytes) FROM flows")[0]
    names = ("flows", "packets", "bytes")
    command = ["query", "--store", store, *grouping, *([] if "--top" in grouping else ["--top", "0"])]

    def total(rows):
        rows = list(rows)
        return tuple(sum(int(r[n]) for r in rows) for n in names)

    answer = json.loads(run(*command, "--format", "json").stdout)
    assert total(answer["groups"]) == want
    assert tuple(answer["summary"][n] for n in names) == want
    assert total(map(json.loads, run(*command, "--format", "jsonl").stdout.splitlines())) == want
    path = tmp_path / "answer.parquet"
    with open(path, "wb") as out:
        subprocess.run([os.environ.get("WEIR", "build/src/cli/weir"), *map(str, command), "--format", "parquet"], stdout=out, check=True)
    assert sql(f"SELECT sum(flows), sum(packets), sum(bytes) FROM '{path}'")[0] == want
    if "--matrix" in grouping:
        return
    assert total(csv.DictReader(io.StringIO(run(*command, "--format", "csv").stdout))) == want
    lines = run(*command, "--exact").stdout.splitlines()
    table = [line.split() for line in lines[1 : lines.index("")]]
    assert tuple(sum(int(row[i]) for row in table) for i in (-3, -2, -1)) == want


def test_raw_numbers_everywhere(ask, sql, made):
    records = made[0]
    columns = "bytes,max(bytes),avg(packets)"
    got = ask("--raw", "--by", "proto", "--columns", columns, "--sort", "proto:asc")
    for g in got:
        own = [r for r in records if r["proto"] == g["proto"]]
        assert g["bytes"] == sum(r["bytes"] for r in own) and g["max_bytes"] == max(r["bytes"] for r in own)
        assert g["avg_packets"] == pytest.approx(sum(r["packets"] for r in own) / len(own))


def test_own_columns_of_records(ask, sql):
    got = ask("--columns", "time,src,dport,bytes,duration,bpp", "--sort", "duration", "--top", "50")
    assert list(got[0]) == ["time_ms", "src_addr", "dst_port", "bytes", "duration_ms", "bpp"]
    want = sql("SELECT life FROM flows ORDER BY 1 DESC LIMIT 50")
    assert [g["duration_ms"] for g in got] == [w[0] for w in want]


def test_parquet_has_the_types_and_values_of_the_store(run, store, sql, tmp_path):
    path = tmp_path / "records.parquet"
    with open(path, "wb") as out:
        subprocess.run([os.environ.get("WEIR", "build/src/cli/weir"), "query", "--store", store, "--format", "parquet", "kind any"],
                       stdout=out, check=True)
    ours, theirs = (f"read_parquet('{p}', hive_partitioning = false)" for p in (path, f"{store}/**/*.parquet"))
    assert sql(f"DESCRIBE SELECT * FROM {ours}") == sql(f"DESCRIBE SELECT * FROM {theirs}")
    assert sql(f"SELECT count(*) FROM {ours}")[0][0] == FLOWS
    for a, b in ((ours, theirs), (theirs, ours)):
        assert sql(f"SELECT count(*) FROM (SELECT * FROM {a} EXCEPT ALL SELECT * FROM {b})")[0][0] == 0


def test_pyarrow_reads_parquet_too(run, store, ask, tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    question = ["--by", "src_addr/16,proto", "--top", "0", "--columns", "flows,avg(duration),min(first),distinct(dst_addr)"]
    path = tmp_path / "groups.parquet"
    with open(path, "wb") as out:
        subprocess.run([os.environ.get("WEIR", "build/src/cli/weir"), "query", "--store", store, "--format", "parquet", *question],
                       stdout=out, check=True)
    table = pyarrow.parquet.read_table(path)
    assert [str(f.type) for f in table.schema] == ["string", "uint8", "uint64", "double", "timestamp[ms, tz=UTC]", "uint64"]
    rows = [dict(r, min_first_ms=int(r["min_first_ms"].timestamp() * 1000)) for r in table.to_pylist()]
    assert rows == ask(*question)


def captured(datagrams):
    """A capture of (exporter, datagram)s: raw IP packets."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for exporter, d in datagrams:
        udp = struct.pack(">HHHH", 2055, 2055, 8 + len(d), 0) + d
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + address(exporter) + address("127.0.0.1")
        out += struct.pack("<IIII", BOOT_S + 8000, 0, len(ip + udp), len(ip + udp)) + ip + udp
    return out


def counted_once(seen):
    """[(exporter, record)] of those that count: the rule of docs/query.md once more."""
    points = defaultdict(list)
    for exporter, r in seen:
        points[r["src"], r["dst"], r["sport"], r["dport"], r["proto"], exporter].append(r)
    conversations = defaultdict(list)
    for (*conversation, exporter), records in points.items():
        conversations[tuple(conversation)].append((
            -sum(r["bytes"] for r in records), -sum(r["packets"] for r in records), address(exporter),
            min(r["first"] for r in records), max(r["last"] for r in records), exporter))
    keep = set()
    for conversation, sightings in conversations.items():
        kept = []
        for *_, first, last, exporter in sorted(sightings):
            same = [(f, e) for f, e in kept
                    if min(last, e) - max(first, f) + 2000 >= (min(last - first, e - f) + 2000) / 2]
            if not same:
                kept.append((first, last))
                keep.add((*conversation, exporter))
    return [(e, r) for e, r in seen if (r["src"], r["dst"], r["sport"], r["dport"], r["proto"], e) in keep]


def test_flows_of_several_exporters_count_once(run, tmp_path):
    rng = random.Random(7)
    seen = []
    for r in (record(rng) for _ in range(3000)):
        ways = rng.sample(["198.51.100.1", "198.51.100.2", "198.51.100.3"], rng.choice([1, 1, 2, 3]))
        for i, exporter in enumerate(ways):
            late = rng.randrange(400) * 2 if rng.random() < 0.9 else 2 * 86400
            lost = rng.choice([0, 0, 1])
            seen.append((exporter, dict(r, packets=r["packets"] + 1 - lost, bytes=r["bytes"] + 40 * (1 - lost),
                                        first=r["first"] + late, last=r["last"] + late)))
    by_exporter = defaultdict(list)
    for exporter, r in seen:
        by_exporter[exporter].append(r)
    datagrams = [(e, datagram(at, rs[at : at + 30], 1)) for e, rs in by_exporter.items() for at in range(0, len(rs), 30)]
    (tmp_path / "three.pcap").write_bytes(captured(datagrams))
    run("import", "--store", tmp_path / "store", tmp_path / "three.pcap")
    counted = counted_once(seen)
    assert 3000 <= len(counted) < len(seen) - 1000
    for by, key in (("exporter", lambda e, r: e), ("proto", lambda e, r: r["proto"]), ("dst_addr", lambda e, r: r["dst"])):
        want = defaultdict(lambda: [0, 0, 0])
        for e, r in counted:
            for i, v in enumerate((1, r["packets"], r["bytes"])):
                want[key(e, r)][i] += v
        done = run("query", "--store", tmp_path / "store", "--dedup", "--by", by, "--top", "0", "--columns",
                   "flows,packets,bytes", "--format", "jsonl")
        got = {g.pop(by): list(g.values()) for g in map(json.loads, done.stdout.splitlines())}
        assert got == want
    series = run("query", "--store", tmp_path / "store", "--dedup", "--every", "10m", "--fold", "--format", "jsonl").stdout
    assert sum(json.loads(line)["bytes"] for line in series.splitlines()) == sum(r["bytes"] for _, r in counted)


def test_live_journals_answer_as_sealed_files_do(collector, run, made):
    """The same questions to a running collector and to its store when it has ended."""
    questions = [
        ["--every", "10m", "--by", "proto", "--columns", "flows,bytes,p95(bytes)"],
        ["--by", "dst_port", "--columns", "flows,distinct(src_addr),avg(duration),share", "--top", "20"],
        ["--fold", "--by", "dst_addr", "--top", "0"],
        ["--matrix", "src_as,dst_as"],
        ["--columns", "time,src_addr,dst_addr,bytes", "--sort", "bytes", "--top", "20"],
    ]

    def answers():
        return [run("query", "--store", c.store, "--format", "jsonl", *q).stdout for q in questions]

    c = collector()
    c.send(*made[1][:60])
    c.wait_for(flows=60 * PER_DATAGRAM)
    live = answers()
    assert c.stop() == 0
    assert answers() == live and all(live)


@pytest.mark.parametrize("args,says", [
    (["--by", "proto", "--columns", "byts"], "did you mean bytes?"),
    (["--by", "proto", "--columns", "dst_port"], "dst_port is none of --by; group by it, or ask for distinct(dst_port)"),
    (["--by", "proto", "--sort", "avrg(bytes)"], "did you mean avg?"),
    (["--columns", "avg(src_addr)"], "src_addr is no number; distinct(src_addr) counts how many there are"),
    (["--every", "5x"], "--every"),
    (["--every", "5m", "--by", "time/1m"], "time_ms is named twice"),
    (["--every", "5m", "--spread", "--no-spread"], "exclude each other"),
    (["--by", "proto", "--spread"], "--spread needs buckets of time"),
    (["--matrix", "src_as"], "--matrix: expected two fields"),
    (["--matrix", "src_as,dst_as", "--by", "proto"], "--matrix goes without --by"),
    (["--top", "3", "--bottom", "3", "--by", "proto"], "--top and --bottom exclude each other"),
    (["--bottom", "3"], "--bottom needs --sort"),
    (["--other"], "--other needs groups"),
    (["--dedup"], "--dedup needs groups"),
    (["--chart"], "--chart needs groups"),
    (["--chart", "--by", "proto", "--format", "csv"], "--chart goes without --format"),
    (["--chart", "--by", "proto", "--columns", "first"], "none of --columns is a number"),
    (["--by", "proto", "--chart-file", "x.pdf"], "ends in .svg or .png"),
    (["--names", "hosts"], "expected services, dns or interfaces"),
    (["--geo", "/nowhere.mmdb"], "--geo: /nowhere.mmdb"),
])
def test_questions_that_cannot_be_asked_are_explained(run, store, args, says):
    assert says in run("query", "--store", store, *args, status=2).stderr


def test_charts(run, store):
    utf8 = run("query", "--store", store, "--by", "proto", "--chart", env={"LANG": "C.UTF-8"}).stdout
    assert utf8.startswith("bytes\n") and "█" in utf8 and "\033" not in utf8
    for extra in ([], ["--ascii"]):
        text = run("query", "--store", store, "--every", "5m", "--by", "proto", "--chart", *extra,
                   env={"LANG": "C.UTF-8" if extra else "C"}).stdout
        assert text.isascii() and text.splitlines()[1].startswith("tcp ")
        assert max(map(len, text.split("\n\n")[0].splitlines())) <= 80
    heat = run("query", "--store", store, "--matrix", "src_as,dst_as", "--chart", env={"LANG": "C.UTF-8"}).stdout
    assert any(shade in heat for shade in "░▒▓█") and "total" not in heat


def test_charts_as_files(run, store, tmp_path):
    if not shutil.which("gnuplot"):
        pytest.skip("gnuplot is not installed")
    for name, start in (("a.svg", b"<?xml"), ("it's.png", b"\x89PNG")):
        for question in (["--by", "src_addr"], ["--every", "5m", "--by", "proto"], ["--matrix", "src_as,dst_as"]):
            run("query", "--store", store, *question, "--chart-file", tmp_path / name)
            assert (tmp_path / name).read_bytes().startswith(start)
            (tmp_path / name).unlink()


def test_without_gnuplot_it_says_so(run, store, tmp_path):
    said = run("query", "--store", store, "--by", "proto", "--chart-file", "x.svg", env={"PATH": str(tmp_path)}, status=2).stderr
    assert "gnuplot, which is not installed" in said


def test_names_of_services_and_hosts(ask):
    got = ask("--by", "dst_port,proto", "--names", "services", "--columns", "bytes", "dst port in [53, 443]")
    assert {(g["dst_port"], g["dst_port_name"], g["proto_name"]) for g in got} == {(53, "domain", "udp"), (443, "https", "tcp")}
    hosts = ask("--by", "exporter", "--names", "dns", "--columns", "flows")  # /etc/hosts knows it, without a network
    assert [g["exporter_name"] for g in hosts] == ["localhost"] or hosts[0]["exporter"] != "127.0.0.1"


def encoded(v):
    """A value of MaxMind's format (https://maxmind.github.io/MaxMind-DB/)."""
    if isinstance(v, str):
        return bytes([2 << 5 | len(v)]) + v.encode() if len(v) < 29 else bytes([2 << 5 | 29, len(v) - 29]) + v.encode()
    if isinstance(v, int):
        data = v.to_bytes((v.bit_length() + 7) // 8, "big")
        return bytes([6 << 5 | len(data)]) + data
    return bytes([7 << 5 | len(v)]) + b"".join(encoded(k) + encoded(x) for k, x in v.items())


def database(networks):
    """A file of {"10.1.0.0/16": {...}}: 24 bits a record, IPv4."""
    tree, data = [[None, None]], b""
    for network, values in networks.items():
        base, bits = network.split("/")
        number, node = int.from_bytes(address(base), "big"), 0
        for i in range(int(bits)):
            side = number >> (31 - i) & 1
            if i == int(bits) - 1:
                tree[node][side] = ("data", len(data))
            elif tree[node][side] is None:
                tree.append([None, None])
                tree[node][side] = len(tree) - 1
            node = tree[node][side]
        data += encoded(values)
    at = len(tree)
    records = [at if r is None else at + 16 + r[1] if isinstance(r, tuple) else r for n in tree for r in n]
    short, long = bytes([5 << 5 | 1]), bytes([1, 9 - 7])  # heads of a uint16 and a uint64 of one byte
    meta = {"binary_format_major_version": short + b"\2", "binary_format_minor_version": short + b"\0",
            "build_epoch": long + b"\1", "database_type": encoded("test"), "description": encoded({}),
            "ip_version": short + b"\4", "languages": bytes([0, 11 - 7]), "node_count": encoded(at),
            "record_size": short + bytes([24])}
    body = bytes([7 << 5 | len(meta)]) + b"".join(encoded(k) + v for k, v in meta.items())
    return b"".join(r.to_bytes(3, "big") for r in records) + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + body


def test_countries_and_systems(run, ask, tmp_path):
    if "libmaxminddb" not in run("--version").stdout:
        pytest.skip("this weir is built without libmaxminddb")
    countries, systems = tmp_path / "country.mmdb", tmp_path / "as.mmdb"
    countries.write_bytes(database({"10.0.0.0/15": {"country": {"iso_code": "NZ"}}, "10.2.0.0/16": {"country": {"iso_code": "SE"}}}))
    systems.write_bytes(database({
        "10.0.0.0/8": {"autonomous_system_number": 3, "autonomous_system_organization": "Example Three"},
        "192.0.2.0/24": {"autonomous_system_number": 5, "autonomous_system_organization": "Example Five"}}))
    geo = ["--geo", countries, "--geo", systems, "--columns", "flows", "--top", "0"]
    for g in ask("--by", "src_addr", *geo):
        second = int(g["src_addr"].split(".")[1])
        want = {0: "NZ", 1: "NZ", 2: "SE"}.get(second) if g["src_addr"].startswith("10.") else None
        assert g["src_addr_country"] == want
        assert g["src_addr_as_name"] == ("Example Three" if g["src_addr"].startswith("10.") else "Example Five")
    named = {g["src_as"]: g["src_as_name"] for g in ask("--by", "src_as", *geo)}
    assert named == {i: {3: "Example Three", 5: "Example Five"}.get(i) for i in range(6)}


def test_a_memory_limit_ends_a_query_in_good_order(run, store):
    done = run("query", "--store", store, "--by", "src_addr,src_port", "--columns", "p95(bytes),distinct(dst_addr)",
               "--memory", "2M", status=1)
    assert "memory limit" in done.stderr
