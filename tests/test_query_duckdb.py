"""weir query and DuckDB's SQL asked the same random questions about the same files: they agree exactly.

What the questions are is in tests/questions.py, which says anew in SQL what docs/query.md and docs/filter.md
promise. WEIR_SEED repeats a run, WEIR_LONG=1 asks for longer. The seed stands in the name of a failing test.
"""

import ipaddress
import json
import os
import pathlib
import random
import subprocess
import time

import pytest

import captures
import mixed
import questions
import record_fixtures
from conftest import ROOT, WEIR

LONG = os.environ.get("WEIR_LONG") == "1"
SEED = os.environ.get("WEIR_SEED") or str(time.time_ns() % 1_000_000)
ROUNDS = 60 if LONG else 8
QUESTIONS = 40 if LONG else 15  # in a round
MOST = 2000  # rows of an answer
FLOWGEN = pathlib.Path(WEIR).resolve().parents[2] / "bench" / "flowgen"

duckdb = pytest.importorskip("duckdb")


def weir(*args):
    done = subprocess.run([WEIR, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, f"{args}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def catalogue():
    return {f["name"]: f["kind"] for f in json.loads("[" + ",".join(weir("fields", "--format", "json").splitlines()) + "]")}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Recordings, captures, mixed and generated flows: several files, one of more than a row group."""
    folder = tmp_path_factory.mktemp("asked")
    pcaps = sorted((ROOT / "tests" / "fixtures").glob("*.pcap")) + [captures.pcap(name) for name in captures.with_expectation()]
    for i in range(3):
        pcaps.append(folder / f"mixed{i}.pcap")
        record_fixtures.write_pcap(pcaps[-1], mixed.datagrams(random.Random(f"{SEED} {i}"), 800))
    if FLOWGEN.exists():
        for version, share in (("9", "25"), ("5", "0")):
            pcaps.append(folder / f"flowgen{version}.pcap")
            flows = 600_000 if LONG else 60_000
            subprocess.run([FLOWGEN, "-v", version, "-n", str(flows), "-6", share, "-s", str(int(SEED) % 1000), "-o", pcaps[-1]], check=True,
                           capture_output=True)
    for pcap in pcaps:
        weir("import", "--store", folder / "store", pcap)
    return folder / "store"


@pytest.fixture(scope="module")
def asked(store, catalogue):
    """The store as DuckDB's table."""
    return table(catalogue, store)


class Question:
    """One question: options of weir query, SQL, and the comparison of both answers."""

    def __init__(self, q):
        pick = q.random
        self.filter = q.filter()
        self.keys = q.keys() if pick.random() < 0.85 else []
        self.raw = pick.random() < 0.3
        self.where = self.filter.sql
        self.args = ["--raw"] if self.raw else []
        if pick.random() < 0.25:
            self.limit_time(q, pick)
        self.ascending = pick.random() < 0.3
        if self.keys:
            self.sort = pick.choice(("flows", "packets", "bytes", "bps", "pps", "bpp"))
            self.args += ["--by", ",".join(word for word, *_ in self.keys)]
        else:
            self.sort = pick.choice(("bytes", "received_ms"))
        self.top = pick.choice((1, 10, 100, MOST, MOST, MOST))
        if pick.random() < 0.3:
            self.args += ["--threads", str(pick.choice((1, 2, 3, 8)))]

    def limit_time(self, q, pick):
        begin, end = sorted(q.pick("time_ms").number for _ in range(2))
        if pick.random() < 0.7:
            self.args += ["--from", f"@{begin // 1000}"]
            self.where += f" AND time_ms >= {begin // 1000 * 1000}"
        if pick.random() < 0.7:
            self.args += ["--to", f"@{end // 1000 + 1}"]
            self.where += f" AND time_ms < {(end // 1000 + 1) * 1000}"

    def command(self):
        order = f"{self.sort}:{'asc' if self.ascending else 'desc'}"
        return [*self.args, "--sort", order, "--top", self.top, "--format", "json", *([self.filter.weir] if self.filter.weir else [])]

    def __str__(self):
        return f"{' '.join(map(str, self.command()))}\nWHERE {self.where}"

    def check(self, connection, answer):
        answer = json.loads(answer)
        try:
            self.check_totals(connection, answer["summary"])
            if self.keys:
                self.check_groups(connection, answer)
            else:
                self.check_records(connection, answer["records"])
        except (AssertionError, KeyError) as wrong:
            raise AssertionError(f"seed {SEED}: {self}\n{wrong!r}") from wrong

    def expected(self, connection):
        """{keys: flows, packets, bytes, first, last} of all groups."""
        by = ", ".join(f"{sql} AS k{i}" for i, (_, _, sql, _) in enumerate(self.keys))
        names = ", ".join(f"k{i}" for i in range(len(self.keys)))
        rows = connection.execute(f"SELECT {by}, {questions.sums(self.raw)} FROM flows WHERE {self.where} GROUP BY {names}").fetchall()
        shows = [show for _, _, _, show in self.keys]
        return {tuple(None if v is None else canonical(show(v)) for show, v in zip(shows, row)): row[len(shows):] for row in rows}

    def check_groups(self, connection, answer):
        want = self.expected(connection)
        groups = answer["groups"]
        assert answer["summary"]["groups"] == len(want)
        assert len(groups) == min(len(want), self.top)
        for group in groups:
            self.check_group(group, want[tuple(canonical(group[column]) for _, column, *_ in self.keys)])
        self.check_order(groups, want)

    def check_group(self, group, want):
        assert [group[c] for c in ("flows", "packets", "bytes", "first_ms", "last_ms")] == list(want)
        for name, value in ratios(want).items():
            assert group[name] == pytest.approx(value, rel=1e-12), name

    def check_order(self, groups, want):
        """The first are those that come first; which of equals does not matter here."""
        best = sorted((measures(row)[self.sort] for row in want.values()), reverse=not self.ascending)[:len(groups)]
        assert [g[self.sort] for g in groups] == pytest.approx(best, rel=1e-12)

    def check_totals(self, connection, summary):
        row = connection.execute(f"SELECT count(*), {questions.sums(self.raw)} FROM flows WHERE {self.where}").fetchone()
        assert [summary[k] for k in ("records", "flows", "packets", "bytes")] == list(row[:4])

    def check_records(self, connection, records):
        """The values that they are sorted by; absent ones are smaller than any."""
        column = "m_bytes" if self.sort == "bytes" else self.sort
        order = "ASC NULLS FIRST" if self.ascending else "DESC NULLS LAST"
        sql = f"SELECT {column} FROM flows WHERE {self.where} ORDER BY 1 {order} LIMIT {self.top}"
        have = [measured(r) if self.sort == "bytes" else r[self.sort] for r in records]
        assert have == [v for v, in connection.execute(sql).fetchall()]


def measured(record):
    """What bytes means of a listed record."""
    for name in ("bytes", "bytes_total"):
        if name in record:
            return record[name]
    both = [record[n] for n in ("initiator_bytes", "responder_bytes") if n in record]
    return min(sum(both), questions.LARGEST) if both else None


def canonical(value):
    """One text for an address however it is written."""
    if isinstance(value, str) and (":" in value or value.count(".") == 3):
        try:
            return str(ipaddress.ip_interface(value))
        except ValueError:
            return value
    return value


def ratios(sums):
    _, packets, octets, first, last = sums
    seconds = (last - first) / 1000 if first is not None and last is not None and last > first else 0
    return {"bps": octets * 8 / seconds if seconds else 0, "pps": packets / seconds if seconds else 0, "bpp": octets / packets if packets else 0}


def measures(sums):
    return {"flows": sums[0], "packets": sums[1], "bytes": sums[2]} | ratios(sums)


@pytest.mark.parametrize("seed", [f"{SEED}-{i}" for i in range(ROUNDS)])
def test_random_questions_have_the_answers_that_sql_has(store, asked, catalogue, seed):
    made = questions.Questions(random.Random(seed), asked, catalogue)
    for _ in range(QUESTIONS):
        question = Question(made)
        question.check(asked, weir("query", "--store", store, *question.command()))


def table(catalogue, folder):
    connection = duckdb.connect()
    questions.load(connection, catalogue, sorted(folder.glob("date=*/hour=*/*.parquet")))
    return connection


def test_live_journals_answer_as_their_files_will(collector, tmp_path, catalogue):
    """Asked before the journal is sealed; DuckDB is asked about the files that were made of it then."""
    data = [d for _, d, _ in mixed.datagrams(random.Random(SEED), 400)]
    # Values to ask for, from the same flows.
    record_fixtures.write_pcap(tmp_path / "copy.pcap", [(time.time(), d, 4000) for d in data])
    weir("import", "--store", tmp_path / "copy", tmp_path / "copy.pcap")
    made = questions.Questions(random.Random(SEED), table(catalogue, tmp_path / "copy"), catalogue)
    live = tmp_path / "live"
    todo = [Question(made) for _ in range(2 * QUESTIONS)]
    with collector(store=live) as c:
        for at in range(0, len(data), 50):
            c.send(*data[at:at + 50])
            c.wait_for(datagrams=min(at + 50, len(data)))
        answers = [weir("query", "--store", live, *question.command()) for question in todo]
        assert not list(live.glob("date=*/hour=*/*.parquet"))
        c.stop()
    sealed = table(catalogue, live)
    assert sealed.execute("SELECT count(*) FROM flows").fetchone()[0] > 500
    for question, answer in zip(todo, answers):
        question.check(sealed, answer)
