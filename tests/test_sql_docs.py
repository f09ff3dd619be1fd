"""docs/sql.md: its questions have answers in DuckDB, which are those of the `weir query` above them; pandas' run."""

import json
import re
import shlex
import subprocess

import pytest

import captures
from conftest import ROOT, WEIR

TEXT = (ROOT / "docs" / "sql.md").read_text()
QUESTIONS = re.findall(r"^## (\d+)\. (.*?)$(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)


def block(text, language):
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL).group(1)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Recordings, and captures whose records stand for one flow each."""
    folder = tmp_path_factory.mktemp("sql")
    single = [n for n in captures.with_expectation() if not any("flows" in json.dumps(r) for r in captures.expected(n))]
    for pcap in [*sorted((ROOT / "tests" / "fixtures").glob("*.pcap")), *map(captures.pcap, single)]:
        subprocess.run([WEIR, "import", "--store", folder / "store", pcap], check=True, capture_output=True)
    return folder / "store"


@pytest.fixture(scope="module")
def sql():
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute((ROOT / "docs" / "duckdb.sql").read_text())
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def test_there_are_ten():
    assert [int(number) for number, _, _ in QUESTIONS] == list(range(1, 11))


NUMBERS = {"flows", "packets", "bytes", "proto", "dst_port", "src_port", "in_if", "distinct_dst_addr", "rate"}
SUMS = {"packets", "bytes"}


def number_of(row, name):
    """Sums are whole in weir, and 0 where SQL has null because nothing was summed."""
    value = row[name]
    return round(value) if value is not None and name != "rate" else value if name == "rate" or name not in SUMS else 0


@pytest.mark.parametrize("number,title,text", QUESTIONS, ids=[title for _, title, _ in QUESTIONS])
def test_duckdb_answers_as_weir_query_does(sql, store, number, title, text):
    command = shlex.split(re.search(r"^    weir (query .*)$", text, re.MULTILINE).group(1))
    answer = json.loads(subprocess.run([WEIR, *command, "--store", store, "--format", "json"], capture_output=True, check=True).stdout)
    result = sql.execute(block(text, "sql").replace("./var", str(store)))
    names = [column[0] for column in result.description]
    read = [dict(zip(names, row)) for row in result.fetchall()]
    assert read
    rows = answer.get("groups") or answer["records"]
    common = [n for n in names if n in NUMBERS and all(n in row for row in rows)]
    assert common or "records" in answer
    assert len(read) == len(rows)
    by = re.search(r"ORDER BY (\w+)", block(text, "sql")).group(1)
    if by in common:  # which of equals are the last of the first N does not matter
        least = min(number_of(row, by) for row in rows)
        read, rows = ([r for r in some if number_of(r, by) > least] if "LIMIT" in text else some for some in (read, rows))
    key = lambda row: [(number_of(row, n) is None, number_of(row, n) or 0) for n in common]
    assert sorted(map(key, read)) == sorted(map(key, rows))


@pytest.mark.parametrize("number,title,text", QUESTIONS, ids=[title for _, title, _ in QUESTIONS])
def test_pandas_has_an_answer(store, number, title, text):
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    names = {}
    exec(block(TEXT, "python"), names)
    *before, last = block(text, "python").replace("./var", str(store)).strip().splitlines()
    exec("\n".join(before), names)
    assert len(eval(last, names)) > 0
