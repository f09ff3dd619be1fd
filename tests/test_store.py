"""weir store verify and info; damage of every kind is named, and the rest answers; the same rows by every way."""

import collections
import json
import os
import pathlib
import random
import shutil
import subprocess

import pytest

import captures
from faults import Faults
from test_faults import SMALL, check, held, ms_to, numbered, query, template, verify

LONG = os.environ.get("WEIR_LONG") == "1"
FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def parquet(store):
    return sorted(store.glob("date=*/hour=*/*.parquet"))


def journals(store):
    return sorted(store.glob("journal/*.journal"))


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def filled(collector, store):
    """A file with 0 to 149, a file with 1000 to 1149, a journal with 2000 to 2149 whose collector is dead."""
    for begin in (0, 1000, 2000):
        c = collector()
        c.send(*[numbered(begin + 5 * i) for i in range(30)])
        c.wait_for(journal_frames=30)
        if begin == 2000:
            c.kill()
        else:
            c.stop()
    return store


# --- verify ---


def test_a_whole_store(filled, run):
    report = verify(filled)
    assert report["files"] == 2 and report["flows"] == 300 and report["risk_flows"] == 150
    assert report["bytes"] == sum(p.stat().st_size for p in parquet(filled))
    assert report["broken"] == [] == report["notes"]
    (j,) = report["journals"]
    assert (j["path"], j["datagrams"], j["flows"], j["running"]) == (str(journals(filled)[0]), 30, 150, False)
    text = run("store", "verify", "--store", filled).stdout
    assert "2 files, 300 flows" in text and "in journals only: 150 flows" in text and "All is whole" in text
    assert "its collector does not run" in text


def test_beside_a_running_collector(collector, store):
    c = collector(*SMALL)
    for i in range(40):
        c.send(*[numbered(100 * i + 5 * k) for k in range(20)])
        c.wait_for(journal_frames=20 * (i + 1))
        report = verify(store)
        assert report["flows"] + report["risk_flows"] == 100 * (i + 1)
        assert not report["notes"]
        assert all(j["running"] for j in report["journals"])


def test_what_is_odd_but_harmless(filled):
    (hour,) = {p.parent for p in parquet(filled)}
    (hour / ".collect-0-20261122T000000000.parquet.tmp").touch()
    (hour / "notes.txt").touch()
    (filled / "journal/collect-0-20261122T000000000.journal.new").touch()
    sealed = filled / "journal" / parquet(filled)[0].with_suffix(".journal").name
    shutil.copy(journals(filled)[0], sealed)
    notes = {pathlib.Path(n["path"]).name: n["text"] for n in verify(filled)["notes"]}
    assert len(notes) == 4
    assert "left over" in notes[".collect-0-20261122T000000000.parquet.tmp"]
    assert "left over" in notes["collect-0-20261122T000000000.journal.new"]
    assert "is not read" in notes["notes.txt"]
    assert str(parquet(filled)[0]) in notes[sealed.name]
    assert verify(filled)["risk_flows"] == 150
    check(filled, [*range(150), *range(1000, 1150), *range(2000, 2150)])


def test_a_file_in_the_wrong_place(filled):
    a, b = parquet(filled)
    other = filled / "date=2026-01-01/hour=05"
    other.mkdir(parents=True)
    shutil.copy(a, other / a.name)
    b.rename(other / "collect-0-20260101T050000000.parquet")
    texts = " ".join(n["text"] for n in verify(filled, status=1)["broken"])
    assert "filed under the wrong hour: its flows were received at" in texts
    assert f"the same file is at " in texts and "count twice" in texts
    assert "its name is not what its footer says, " + b.stem in texts


def test_held_data_of_the_hour_before_are_no_fault(collector, store, tmp_path, run):
    faults = Faults(tmp_path / "faults", store)
    faults.clock(ms_to("2026-11-22T13:59:50"))
    c = collector(env=faults.env)
    c.send(held(0, 1))
    c.wait_for(sets_held=1)
    faults.clock(ms_to("2026-11-22T14:00:10"))
    c.send(template(1))
    c.wait_for(sets_released=1)
    c.stop()
    assert [str(p.parent.relative_to(store)) for p in parquet(store)] == ["date=2026-11-22/hour=13", "date=2026-11-22/hour=14"]
    assert [d["flows"] for d in json.loads(run("store", "info", "--json", "--store", store).stdout)["days"]] == [5]
    assert not verify(store)["notes"]


def test_questions_that_cannot_be(run, tmp_path):
    assert "no store there" in run("store", "verify", "--store", tmp_path / "none", status=2).stderr
    assert "verify or info" in run("store", "--store", tmp_path, status=2).stderr
    assert 'found "compact"' in run("store", "compact", status=2).stderr
    run("store", "verify", "info", status=2)


# --- info ---


def test_info_by_day(run, store):
    for p in [*sorted(FIXTURES.glob("*.pcap"))[:2], *[captures.pcap(n) for n in captures.with_expectation()[:2]]]:
        run("import", "--store", store, p)
    info = json.loads(run("store", "info", "--store", store, "--json").stdout)
    flows = sum(query_rows(run, store).values())
    size = sum(p.stat().st_size for p in parquet(store))
    assert info["total"]["flows"] == flows == sum(d["flows"] for d in info["days"])
    assert info["total"]["bytes"] == size == sum(d["bytes"] for d in info["days"])
    assert info["total"]["files"] == len(parquet(store))
    assert info["total"]["bytes_per_flow"] == pytest.approx(size / flows)
    assert [d["date"] for d in info["days"]] == sorted({p.parent.parent.name[5:] for p in parquet(store)})
    times = [r["time_ms"] for r in rows(run, store)]
    assert (info["total"]["first_ms"], info["total"]["last_ms"]) == (min(times), max(times))
    text = run("store", "info", "--store", store, "--exact").stdout.splitlines()
    assert text[-2].split()[:3] == ["total", str(flows), str(size)]


def test_info_counts_journals_apart(filled, run):
    info = json.loads(run("store", "info", "--store", filled, "--json").stdout)
    assert info["total"]["flows"] == 300 and info["journals"]["flows"] == 150 and info["journals"]["files"] == 1
    assert info["journals"]["bytes"] == journals(filled)[0].stat().st_size


# --- damage ---


def damaged_places(path, n):
    size = path.stat().st_size
    return sorted({0, 3, 5, size - 1, size - 5, size - 9, *(random.randrange(size) for _ in range(n))})


def answers(run, store):
    """What weir query gives of a store that is damaged, and what it says."""
    done = run("query", "--store", store, "--raw", "--by", "bytes", "--top", "0", "--format", "json")
    groups = json.loads(done.stdout)
    groups = groups["groups"] if isinstance(groups, dict) else groups
    return done, collections.Counter({g["by_bytes"]: g["flows"] for g in groups})


@pytest.fixture
def run_any(weir):
    def run_weir(*args):
        return subprocess.run([weir, *map(str, args)], capture_output=True, text=True, check=False)

    return run_weir


@pytest.mark.parametrize("how", ["cut", "flip"])
def test_a_damaged_file(filled, run_any, tmp_path, how):
    _, hurt = parquet(filled)
    good = hurt.read_bytes()
    others = [*range(150), *range(2000, 2150)]
    for at in damaged_places(hurt, 400 if LONG else 25):
        bad = good[:at] if how == "cut" else good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :]
        hurt.write_bytes(bad)
        done, have = answers(run_any, filled)
        assert all(have[n] == 1 for n in others), f"{how} at {at}"
        report = run_any("store", "verify", "--store", filled, "--json")
        found = [n for n in json.loads(report.stdout)["broken"] if n["path"] == str(hurt)]
        # Only bytes that nobody reads have no checksum: the magic, Bloom filters, the checksum's own name.
        if how == "flip" and not found:
            assert have == collections.Counter(others + list(range(1000, 1150))), f"flip at {at}"
            continue
        assert report.returncode == 1 and found, f"{how} at {at}"
        # What a broken footer says of a row group is named by that.
        assert any(word in found[0]["text"] for word in ("offset", "row group", " bytes are no Parquet file", "received", "checksum")), found
        if done.returncode == 0:  # the answer did not need that column
            assert have == collections.Counter(others + list(range(1000, 1150)))
        else:
            assert done.returncode == 1 and str(hurt) in done.stderr


@pytest.mark.parametrize("how", ["cut", "flip"])
def test_a_damaged_journal(filled, run_any, collector, tmp_path, how):
    (hurt,) = journals(filled)
    good = hurt.read_bytes()
    others = [*range(150), *range(1000, 1150)]
    head_end = 12 + 9 + int.from_bytes(good[12:16], "little")  # docs/store.md: without its head a journal is none
    for at in damaged_places(hurt, 400 if LONG else 25):
        bad = good[:at] if how == "cut" else good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :]
        hurt.write_bytes(bad)
        done, have = answers(run_any, filled)
        assert max(have.values()) == 1 and all(have[n] for n in others)
        assert not have.keys() - set(others) - set(range(2000, 2150))
        lost = 150 - (len(have) - len(others))
        report = run_any("store", "verify", "--store", filled, "--json")
        found = json.loads(report.stdout)["broken"]
        if how == "flip" and at >= head_end:
            assert lost == 5, f"{at} of {len(good)}, head {head_end}"  # a datagram
        if how == "cut" and not found:
            assert lost % 5 == 0  # between two frames: nobody can know
            continue
        assert done.returncode == report.returncode == 1, f"{how} at {at}"
        for text in (done.stderr, found[0]["text"]):
            assert str(hurt) in text and ("offset" in text or "does not begin with" in text or "version" in text)
    # The next start stores what can be read, and says what cannot.
    at = head_end + 100  # in the first frame
    hurt.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
    c = collector()
    assert "are no frame, the first at offset" in c.text()
    c.stop()
    have = query(filled)
    assert len(have) == 445 and max(have.values()) == 1
    assert not verify(filled)["broken"]


def test_a_journal_that_is_none_is_set_aside_and_named(filled, run_any, collector):
    (hurt,) = journals(filled)
    hurt.write_bytes(b"no journal at all")
    done, _ = answers(run_any, filled)
    assert done.returncode == 1 and str(hurt) in done.stderr
    collector().stop()
    (found,) = verify(filled, status=1)["broken"]
    assert found["path"] == f"{hurt}.broken" and "set aside" in found["text"]


# --- the same rows by every way ---


def rows(run, store):
    done = run("query", "--store", store, "--format", "jsonl", "--raw", "kind any")
    return [json.loads(line) for line in done.stdout.splitlines()]


def query_rows(run, store, leave=("received_ms", "exporter")):
    """Rows as a multiset, without when and from where they were received."""
    return collections.Counter(json.dumps({k: v for k, v in r.items() if k not in leave}, sort_keys=True) for r in rows(run, store))


@pytest.mark.parametrize("pcap", sorted(FIXTURES.glob("*.pcap")) + [captures.pcap(n) for n in captures.with_expectation()], ids=lambda p: p.stem)
def test_the_same_rows_by_socket_by_import_and_after_a_crash(pcap, collector, run, tmp_path):
    """One file is enough of one exporter: replay sends all from one port, where templates of several would meet."""
    run("import", "--store", tmp_path / "imported", pcap)
    stores = {}
    for way in ("socket", "crash"):
        store = stores[way] = tmp_path / way
        c = collector(store=store)
        sent = run("replay", pcap, "--to", f"127.0.0.1:{c.port}", "--rate", "5k").stderr
        n = int(sent.split("sent ")[1].split()[0])
        c.wait_for(datagrams=n, journal_frames=n)
        live = query_rows(run, store)
        if way == "crash":
            c.kill()
            assert query_rows(run, store) == live
            c = collector(store=store)
        c.stop()
        assert query_rows(run, store) == live
    # Which of its times a flow counts by depends on which are plausible, beside the time of receipt.
    by_socket, after_crash, imported = (
        query_rows(run, s, ("received_ms", "exporter", "time_ms")) for s in (*stores.values(), tmp_path / "imported")
    )
    assert by_socket == after_crash == imported
