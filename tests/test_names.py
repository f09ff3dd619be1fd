"""Names that exporters announce in options data, or a file has: kept in the store, shown as they were at a flow's time."""

import json
import socket
import struct
import time

import pytest
from conftest import until

NOON = 1795348800  # 2026-11-22T12:00:00Z
INTERFACES = (3, struct.pack(">HHH HH HH", 300, 2, 1, 10, 4, 82, 65535))
VRFS = (3, struct.pack(">HHH HH HH", 301, 2, 1, 234, 4, 236, 8))
APPLICATIONS = (3, struct.pack(">HHH HH HH", 302, 2, 1, 95, 4, 96, 8))
SAMPLERS = (3, struct.pack(">HHH HH HH", 303, 2, 1, 302, 2, 335, 65535))
# 8, 10, 14, 234, 95, 302, 1, 153
FLOWS = (2, struct.pack(">HH HH HH HH HH HH HH HH HH", 256, 8, 8, 4, 10, 4, 14, 4, 234, 4, 95, 4, 302, 2, 1, 4, 153, 8))


def message(seconds, *sets, domain=7):
    body = b"".join(struct.pack(">HH", i, len(b) + 4) + b for i, b in sets)
    return struct.pack(">HHIII", 10, 16 + len(body), seconds, 0, domain) + body


def interface(number, name):
    return (300, struct.pack(">IB", number, len(name)) + name.encode())


def flow(seconds, in_if=3, out_if=4, bytes_=100):
    return (256, struct.pack(">4sIIIIHIQ", bytes([192, 0, 2, 9]), in_if, out_if, 5, 3 << 24 | 80, 9, bytes_, seconds * 1000))


@pytest.fixture
def store(tmp_path, run):
    """Interface 3 is called "old, 1" until noon, and "new" then; 4 is "uplink" all the time. Flows at 11:30, 12:00, 12:30."""
    export = tmp_path / "exports"
    export.write_bytes(
        message(NOON - 3600, INTERFACES, VRFS, APPLICATIONS, SAMPLERS, FLOWS)
        + message(NOON - 3600, interface(3, "old, 1"), interface(4, "uplink"), (301, struct.pack(">I8s", 5, b"red")),
                  (302, struct.pack(">I8s", 3 << 24 | 80, b"http")), (303, struct.pack(">HB", 9, 3) + b"one"))
        + message(NOON - 1800, flow(NOON - 1800))
        + message(NOON, interface(3, "new"), interface(4, "uplink"))
        + message(NOON, flow(NOON))
        + message(NOON + 1800, flow(NOON + 1800), flow(NOON + 1800, 77)))
    run("import", "--store", tmp_path / "store", export)
    return tmp_path / "store"


def rows(run, store, *args):
    return [json.loads(x) for x in run("query", "--store", store, "--format", "jsonl", "--names", "interfaces", *args).stdout.splitlines()]


def test_a_flow_has_the_names_of_its_time(run, store):
    have = rows(run, store, "--raw")
    assert [(r["in_if"], r.get("in_if_name"), r["out_if_name"]) for r in have] == [
        (3, "old, 1", "uplink"), (3, "new", "uplink"), (3, "new", "uplink"), (77, None, "uplink")]
    assert {(r["in_vrf_name"], r["app_selector_name"], r["selector_id_name"]) for r in have} == {("red", "http", "one")}


def test_columns_that_names_need_are_not_shown(run, store):
    have = rows(run, store, "--columns", "in_if,bytes", "--top", "2")
    assert have == [{"in_if": 3, "in_if_name": "old, 1", "bytes": 100}, {"in_if": 3, "in_if_name": "new", "bytes": 100}]
    table = run("query", "--store", store, "--names", "interfaces", "--columns", "in_if", "--top", "1").stdout.splitlines()
    assert [x.split() for x in table[:2]] == [["in_if", "in_if_name"], ["3", "old,", "1"]]


def test_a_group_has_all_names_that_it_had(run, store):
    have = rows(run, store, "--by", "exporter,in_if", "--columns", "flows")
    assert {(r["in_if"], r["in_if_name"], r["flows"]) for r in have} == {(3, "old, 1, new", 3), (77, None, 1)}
    assert all(set(r) == {"exporter", "in_if", "in_if_name", "flows"} for r in have)
    have = rows(run, store, "--by", "exporter,in_if,time/1h", "in_if 3")
    assert [r["in_if_name"] for r in sorted(have, key=lambda r: r["time_ms"])] == ["old, 1", "new"]
    have = rows(run, store, "--by", "exporter,in_if", "in_if 3", "--from", "2026-11-22T12:00")
    assert [r["in_if_name"] for r in have] == ["new"]


def test_a_number_without_its_exporter_has_no_name(run, store, tmp_path):
    assert [r["in_if_name"] for r in rows(run, store, "--by", "in_if", "in_if 3")] == [None]
    exporter = rows(run, store, "--top", "1")[0]["exporter"]
    assert [r["in_if_name"] for r in rows(run, store, "--by", "in_if", f"in_if 3 and exporter {exporter}")] == ["old, 1, new"]
    text = f"in_if 3 and (exporter {exporter} or exporter 192.0.2.77)"
    assert [r["in_if_name"] for r in rows(run, store, "--by", "in_if", text)] == [None]
    assert [r["app_selector_name"] for r in rows(run, store, "--by", "exporter,app_selector")] == [None]
    assert [r["app_selector_name"] for r in rows(run, store, "--by", "exporter,app_engine,app_selector")] == ["http"]


def test_a_file_names_what_is_not_announced(run, store, tmp_path):
    names = tmp_path / "mine.csv"
    names.write_text("any,interface,3,mine\nany,interface,77,spare\n")
    have = rows(run, store, "--names-file", names, "--columns", "in_if")
    assert [r["in_if_name"] for r in have] == ["old, 1", "new", "new", "spare"]
    conf = tmp_path / "weir.conf"
    conf.write_text(f"names {names}\n")
    assert rows(run, store, "--config", conf, "--columns", "in_if") == have
    assert f"Names: 2 in {names}" in run("check", conf).stdout
    names.write_text("any,interface,3,mine\nany,interface,x,spare\n")
    wrong = run("query", "--store", store, "--names-file", names, status=2)
    assert f"{names}:2:15: expected a number, found \"x\"" in wrong.stderr
    assert f"{names}:2:15: expected a number" in run("check", conf, status=2).stderr


def test_the_names_of_a_store_are_a_plain_file(run, store):
    assert (store / "names.csv").read_text() == """exporter,kind,number,name,since,domain
0.0.0.0,interface,3,"old, 1",2026-11-22T11:00:00.000Z,7
0.0.0.0,interface,3,new,2026-11-22T12:00:00.000Z,7
0.0.0.0,interface,4,uplink,2026-11-22T11:00:00.000Z,7
0.0.0.0,vrf,5,red,2026-11-22T11:00:00.000Z,7
0.0.0.0,application,3:80,http,2026-11-22T11:00:00.000Z,7
0.0.0.0,sampler,9,one,2026-11-22T11:00:00.000Z,7
"""


def named(store):
    file = store / "names.csv"
    return file.read_text() if file.exists() else ""


def test_what_a_collector_hears_is_soon_in_the_store_and_survives_kill_and_restart(run, collector):
    now = int(time.time())
    c = collector()
    c.send(message(now, INTERFACES, FLOWS), message(now, interface(3, "one")), message(now, flow(now)))
    until(lambda: ",3,one," in named(c.store), "the name in the store")
    c.send(message(now, interface(3, "two")))
    c.wait_for(journal_frames=4)
    c.kill()
    before = named(c.store)
    c = collector()
    until(lambda: ",3,two," in named(c.store), "the name out of the journal")
    assert named(c.store).startswith(before.split(",3,two,")[0])
    assert [r["in_if_name"] for r in rows(run, c.store, "--columns", "in_if")] == ["one"]
    assert c.stop() == 0
    have = named(c.store)
    c = collector()
    assert c.stop() == 0
    assert named(c.store) == have


def test_names_that_do_not_change_are_not_written_again(collector):
    now = int(time.time())
    c = collector("--seal-every", "1s")
    c.send(message(now, INTERFACES, FLOWS), message(now, interface(3, "one")))
    until(lambda: ",3,one," in named(c.store), "the name in the store")
    written = (c.store / "names.csv").stat()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(3):
            s.sendto(message(now, interface(3, "one"), flow(now)), ("127.0.0.1", c.port))
            c.wait_for(files_sealed=i + 1)
    assert c.stop() == 0
    after = (c.store / "names.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
