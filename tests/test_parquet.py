"""Our Parquet files, read by other engines: every value of every column is what we wrote.

tests/pq_sample.c writes the file, and beside it the same rows as JSON lines by other code.
"""
import datetime
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def helper():
    """The program, in the newest build folder or in $WEIR_BUILD."""
    folders = [pathlib.Path(os.environ["WEIR_BUILD"])] if "WEIR_BUILD" in os.environ else ROOT.glob("build*")
    found = [p for d in folders for p in [*d.glob("tests/pq_sample"), *d.glob("*/tests/pq_sample")]]
    if not found:
        pytest.skip("tests/pq_sample is not built")
    return max(found, key=lambda p: p.stat().st_mtime)


# rows, codec, rows of a group, salt (which column has which pattern)
CASES = [
    (0, "zstd", 0, 0),
    (1, "zstd", 0, 3),
    *[(2500, ("zstd", "lz4", "none")[salt % 3], 1000, salt) for salt in range(8)],
    (71000, "zstd", 0, 2),  # more than a page
]


def columns(names, rows):
    """All of them, or of many rows every 7th, which has all kinds in all patterns too."""
    return names if len(rows) < 10000 else names[::7]


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "-".join(map(str, c)))
def sample(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parquet")
    parquet, lines = folder / "s.parquet", folder / "s.jsonl"
    subprocess.run([helper(), parquet, lines, *map(str, request.param)], check=True)
    with open(lines, encoding="utf-8") as f:
        return parquet, [json.loads(line) for line in f]


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    """A value as the JSON lines have it."""
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    return value


def compare(name, values, rows):
    wanted = [row.get(name) for row in rows]
    for i, (got, want) in enumerate(zip(map(plain, values), wanted, strict=True)):
        assert got == want, f"{name}, row {i}"


def test_pyarrow_reads_every_value(sample):
    pq = pytest.importorskip("pyarrow.parquet")
    path, rows = sample
    table = pq.read_table(path, page_checksum_verification=True)
    assert table.num_rows == len(rows)
    for name in columns(table.column_names, rows):
        compare(name, table.column(name).to_pylist(), rows)
    assert {name for row in rows for name in row} <= set(table.column_names)


def test_pyarrow_sees_the_types(sample):
    pq = pytest.importorskip("pyarrow.parquet")
    schema = {c.name: str(c.type) for c in pq.read_schema(sample[0])}
    want = {
        "time_ms": "timestamp[ms, tz=UTC]", "src_addr": "fixed_size_binary[16]",
        "src_mac": "fixed_size_binary[6]", "proto": "uint8", "src_port": "uint16",
        "src_as": "uint32", "bytes": "uint64", "rate": "double", "if_name": "string",
        "mpls": "binary", "kind": "string",
    }
    assert want == {name: schema[name] for name in want}


def test_pyarrow_checks_the_statistics(sample):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    f = pq.ParquetFile(sample[0])
    assert f.metadata.created_by.startswith("weir ")
    assert f.metadata.metadata[b"weir.test"] == b"yes"
    for g in range(f.metadata.num_row_groups):
        table = f.read_row_group(g)
        for i in range(f.metadata.num_columns):
            chunk = f.metadata.row_group(g).column(i)
            column = table.column(i)
            assert chunk.statistics.null_count == column.null_count, chunk.path_in_schema
            if not chunk.statistics.has_min_max:
                continue
            values = column.drop_null()
            if pa.types.is_fixed_size_binary(values.type):
                values = values.cast(pa.binary())
            low, high = pc.min_max(values).as_py().values()
            assert plain(chunk.statistics.min) == plain(low), chunk.path_in_schema
            assert plain(chunk.statistics.max) == plain(high), chunk.path_in_schema
        assert f.metadata.row_group(g).total_byte_size > 0


def test_pyarrow_filters_by_the_statistics(sample):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path, rows = sample
    for name in ("src_port", "bytes", "src_as", "proto", "flow_id"):
        values = sorted(row[name] for row in rows if name in row)
        if not values:
            continue
        middle = values[len(values) // 2]
        bound = pa.scalar(middle, pa.uint64()).cast(pq.read_schema(path).field(name).type)
        got = pq.read_table(path, columns=[name], filters=[(name, ">=", bound)])
        assert got.num_rows == sum(v >= middle for v in values), name


def test_duckdb_reads_every_value(sample):
    duckdb = pytest.importorskip("duckdb")
    path, rows = sample
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    names = [c[0] for c in db.execute(f"describe select * from '{path}'").fetchall()]
    assert db.execute(f"select count(*) from '{path}'").fetchone() == (len(rows),)
    for name in columns(names, rows):
        # A BLOB comes as bytes; times as numbers, so that no time zone package is needed.
        kind = db.execute(f'select typeof("{name}") from (select "{name}" from \'{path}\' union all select null limit 1)').fetchone()[0]
        what = f'epoch_ms("{name}")' if kind.startswith("TIMESTAMP") else f'"{name}"'
        compare(name, [r[0] for r in db.execute(f"select {what} from '{path}'").fetchall()], rows)


def test_duckdb_filters_by_the_statistics(sample):
    duckdb = pytest.importorskip("duckdb")
    path, rows = sample
    for name in ("src_port", "bytes", "src_as", "proto", "flow_id"):
        values = sorted(row[name] for row in rows if name in row)
        if not values:
            continue
        middle = values[len(values) // 2]
        got = duckdb.connect().execute(
            f"select count(*) from '{path}' where {name} >= {middle}::uint64").fetchone()
        assert got == (sum(v >= middle for v in values),), name


def test_pyarrow_finds_a_changed_byte_by_our_checksum(sample, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    path, rows = sample
    if len(rows) != 2500:
        pytest.skip("one size will do")
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    damaged = bytearray(path.read_bytes())
    begin = chunk.dictionary_page_offset or chunk.data_page_offset
    damaged[begin + chunk.total_compressed_size - 1] ^= 1  # the last byte of its last page
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    name = [chunk.path_in_schema]
    pq.read_table(path, columns=name, page_checksum_verification=True)
    with pytest.raises(OSError, match="(?i)crc|checksum"):
        pq.read_table(tmp_path / "damaged.parquet", columns=name, page_checksum_verification=True)


def test_duckdb_asks_our_bloom_filters(sample):
    duckdb = pytest.importorskip("duckdb")
    path, rows = sample
    db = duckdb.connect()
    with_filter = db.execute(f"""select path_in_schema, row_group_id from parquet_metadata('{path}')
                                 where bloom_filter_offset is not null""").fetchall()
    size = 1000 if len(rows) == 2500 else len(rows)
    for name, group in with_filter[:20]:
        there = [row[name] for row in rows[group * size:(group + 1) * size] if name in row]
        probe = lambda hexa: db.execute(f"select * from parquet_bloom_probe('{path}', '{name}', ?)",
                                        [bytes.fromhex(hexa)]).fetchall()[group][-1]
        assert not any(map(probe, there[:50]))
        assert sum(probe(f"{i:032x}") for i in range(100)) > 80, "absent ones are ruled out"
    for name in ("exporter", "src_addr", "dst_addr", "next_hop", "nat_src_addr"):
        there = [row[name] for row in rows[:size] if name in row]
        if 64 <= len(set(there)) < len(there) * 3 / 4:  # more than a few, and some are repeated
            assert (name, 0) in with_filter
