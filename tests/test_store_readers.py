"""A store read by other engines: every column of every record is what weir query shows.

The store holds the recordings of tests/fixtures and, where they are at hand, the captures of
../shared, each imported by itself. docs/duckdb.sql and the questions of docs/duckdb.md are tested here too.
"""

import collections
import datetime
import ipaddress
import json
import pathlib
import re
import subprocess

import pytest

import captures

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"

# weir's kind → type in Arrow, in DuckDB
TYPES = {
    "u8": ("uint8", "UTINYINT"),
    "u16": ("uint16", "USMALLINT"),
    "u32": ("uint32", "UINTEGER"),
    "u64": ("uint64", "UBIGINT"),
    "f64": ("double", "DOUBLE"),
    "time": ("timestamp[ms, tz=UTC]", "TIMESTAMP WITH TIME ZONE"),
    "address": ("fixed_size_binary[16]", "BLOB"),
    "mac": ("fixed_size_binary[6]", "BLOB"),
    "text": ("string", "VARCHAR"),
    "bytes": ("binary", "BLOB"),
    "name": ("string", "VARCHAR"),
}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def lines(*command):
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.fixture(scope="module")
def program():
    from conftest import WEIR

    return WEIR


@pytest.fixture(scope="module")
def catalogue(program):
    """{field: kind}, in the catalogue's order."""
    return {f["name"]: f["kind"] for f in lines(program, "fields", "--format", "json")}


@pytest.fixture(scope="module")
def store(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers") / "store"
    recorded = sorted(FIXTURES.glob("*.pcap")) + [captures.pcap(name) for name in captures.with_expectation()]
    for pcap in recorded:
        subprocess.run([program, "import", "--store", folder, pcap], check=True, stderr=subprocess.DEVNULL)
    return folder


def canonical(kind, text):
    """One text for an address however it is written."""
    return str(ipaddress.ip_address(text)) if kind == "address" else text


@pytest.fixture(scope="module")
def rows(program, store, catalogue):
    """What weir query shows, a tuple of all columns for each record."""
    shown = lines(program, "query", "--store", store, "--raw", "--top", "0", "--format", "jsonl", "kind any")
    assert not {name for record in shown for name in record} - set(catalogue)
    return collections.Counter(
        tuple(None if name not in record else canonical(kind, frozen(record[name])) for name, kind in catalogue.items())
        for record in shown)


def frozen(value):
    """`extra` as text that compares."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def plain(name, kind, value):
    """A value of another reader as weir query shows it."""
    if value is None:
        return None
    if kind == "address":
        address = ipaddress.ip_address(bytes(value))
        return str(address.ipv4_mapped or address)
    if kind == "mac":
        return bytes(value).hex(":")
    if kind == "bytes":
        return bytes(value).hex()
    if kind == "time":
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    return frozen(json.loads(value)) if name == "extra" else value


def check_rows(rows, catalogue, columns):
    """columns: {name: values} of another reader."""
    assert sum(rows.values()) > 200
    shown = [[plain(name, kind, v) for v in columns[name]] for name, kind in catalogue.items()]
    read = collections.Counter(zip(*shown, strict=True))
    names = list(catalogue)
    for theirs, ours in zip((read - rows), (rows - read)):  # the first that differ, by what differs
        differ = {n: (t, o) for n, t, o in zip(names, theirs, ours) if t != o}
        assert not differ, f"(read, weir query): {differ}"
    assert read == rows


def test_the_store_has_a_value_in_most_columns(rows, catalogue):
    """That the other tests compare something: what no exporter here sends is allowed to be missing."""
    used = {name for row in rows for name, value in zip(catalogue, row) if value is not None}
    assert len(used) >= (100 if captures.with_expectation() else 40)


def test_pyarrow_reads_every_column_as_weir_query_does(store, rows, catalogue):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    columns = {name: [] for name in catalogue}
    for path in sorted(store.glob("date=*/hour=*/*.parquet")):
        table = pyarrow.parquet.ParquetFile(path).read()
        for name in catalogue:
            columns[name] += table.column(name).to_pylist()
    check_rows(rows, catalogue, columns)


def test_duckdb_reads_every_column_as_weir_query_does(store, rows, catalogue):
    duckdb = pytest.importorskip("duckdb")
    select = ", ".join(f"epoch_ms({name})" if kind == "time" else f'"{name}"' for name, kind in catalogue.items())
    read = duckdb.sql(f"SELECT {select} FROM read_parquet('{store}/**/*.parquet')").fetchall()
    columns = dict(zip(catalogue, zip(*read, strict=True)))
    for name, kind in catalogue.items():
        if kind == "time":
            columns[name] = [None if v is None else EPOCH + datetime.timedelta(milliseconds=v) for v in columns[name]]
    check_rows(rows, catalogue, columns)


def test_every_file_has_the_catalogues_columns_in_its_order_with_its_types(store, catalogue):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    want = [(name, TYPES[kind][0]) for name, kind in catalogue.items()]
    paths = list(store.glob("date=*/hour=*/*.parquet"))
    assert paths
    for path in paths:
        schema = pyarrow.parquet.read_schema(path)
        assert [(f.name, str(f.type)) for f in schema] == want, path


def test_duckdb_sees_the_catalogues_columns_and_types(store, catalogue):
    duckdb = pytest.importorskip("duckdb")
    seen = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{store}/**/*.parquet', hive_partitioning = false)").fetchall()
    assert [(name, kind) for name, kind, *_ in seen] == [(name, TYPES[kind][1]) for name, kind in catalogue.items()]


@pytest.fixture
def sql():
    """A DuckDB with the macros of docs/duckdb.sql."""
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute((ROOT / "docs" / "duckdb.sql").read_text())
    return connection


ADDRESSES = ["192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "1::", "2001:db8::1", "2001:db8::1:0:0:1", "1:0:0:2::3",
             "1::2:0:0:3:4", "0:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:0", "1:0:3:4:5:6:7:8", "0:0:1::", "fe80::ffff:10a0", "::2:0:0:3"]


@pytest.mark.parametrize("text", ADDRESSES)
def test_macros_turn_addresses_into_text_and_back(sql, text):
    address = ipaddress.ip_address(text)
    stored = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
    assert sql.execute("SELECT ip(?::BLOB), addr(?)", [stored, text]).fetchone() == (str(address), stored)


@pytest.mark.parametrize("address,net", [
    ("10.1.2.3", "10.0.0.0/8"), ("11.1.2.3", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("10.1.2.2", "10.1.2.3/32"),
    ("10.1.2.3", "0.0.0.0/0"), ("::1", "0.0.0.0/0"), ("2001:db8::1", "2001:db8::/32"), ("2001:db9::1", "2001:db8::/32"),
    ("2001:db8::1", "2001:db8::/127"), ("172.31.255.255", "172.16.0.0/12"), ("172.32.0.0", "172.16.0.0/12")])
def test_macros_know_networks(sql, address, net):
    want = ipaddress.ip_address(address) in ipaddress.ip_network(net)
    assert sql.execute("SELECT ip_in(addr(?), ?)", [address, net]).fetchone() == (want,)


def test_macros_show_macs_flags_and_nulls(sql):
    assert sql.execute("SELECT mac(unhex('02005e00000a')), tcp_flags_text(27)").fetchone() == ("02:00:5e:00:00:0a", "...AP.SF")
    assert sql.execute("SELECT ip(NULL), addr(NULL), ip_in(NULL, '::/0'), mac(NULL), tcp_flags_text(NULL)").fetchone() == (None,) * 5


def questions():
    text = (ROOT / "docs" / "duckdb.md").read_text()
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


def test_top_talkers_are_those_of_weir_query(sql, store, program):
    groups = lines(program, "query", "--store", store, "--by", "src_addr", "--top", "10", "--format", "jsonl")
    read = sql.execute(questions()[0].replace("./var", str(store))).fetchall()
    assert [(r[1], round(r[2])) for r in read] == [(g["flows"], g["bytes"]) for g in groups]
    assert {r[0] for r in read} == {g["src_addr"] and canonical("address", g["src_addr"]) for g in groups}


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.split(" AS ")[0])
def test_the_questions_of_the_documentation_have_answers(sql, store, question):
    """Asked of all days; the store's captures are old."""
    asked = question.strip().rstrip(";").replace("./var", str(store)).replace("date = current_date AND", "")
    assert sql.execute(f"SELECT count(*) FROM ({asked})").fetchone()[0] > 0


def test_the_example_of_the_readme_has_an_answer(sql, store):
    question = re.search(r'duckdb -c "(.*?)"', (ROOT / "README.md").read_text()).group(1)
    assert sql.execute(question.replace("/var/lib/weir", str(store))).fetchall()
