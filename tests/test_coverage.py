"""weir query --coverage: the share of what was sent that an answer rests on, exactly as it was lost here."""

import json
import socket
import struct
import time

import pytest

from conftest import TEMPLATE, ipfix, v5


def v9(sequence, *sets, source=5):
    body = b"".join(sets)
    return struct.pack(">HHIIII", 9, len(sets), 1000, int(time.time()), sequence, source) + body


V9_TEMPLATE = struct.pack(">HHHHHHHH", 0, 16, 256, 2, 8, 4, 1, 4)
V9_DATA = struct.pack(">HH", 256, 4 + 8 * 4) + b"".join(bytes([192, 0, 2, k, 0, 0, 0, 100]) for k in range(4))


def record(n):
    return b"".join(bytes([192, 0, 2, 9, 0, 1, 0, 0, 0, 5]) for _ in range(n))


@pytest.fixture
def lossy(collector):
    """127.0.0.2: v5, 30 of 100 lost. 127.0.0.3: v9, 2 of 8 data datagrams lost, 4 flows each.
    127.0.0.4: IPFIX, nothing lost."""
    c = collector()

    def send(address, *datagrams):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((address, 0))
            for d in datagrams:
                s.sendto(d, ("127.0.0.1", c.port))

    send("127.0.0.2", *(v5(k * 10, 10) for k in (0, 1, 2, 6, 7, 8, 9)))
    send("127.0.0.3", *(v9(k, V9_TEMPLATE, V9_DATA) for k in (0, 1, 2, 5, 6, 7)))
    send("127.0.0.4", ipfix(0, TEMPLATE), ipfix(0, (256, record(3))))
    c.wait_for(flows=70 + 24 + 3)
    return c


def asked(run, store, *args):
    return json.loads(run("query", "--store", store, "--by", "exporter", "--format", "json", "--coverage", *args).stdout)


def check(answer):
    c = answer["coverage"]
    assert (c["senders"], c["stored"], c["sent"], c["senders_with_gaps"]) == (3, 97, 135, 2)
    assert c["share"] == pytest.approx(97 / 135)
    five, nine = c["gaps"]  # the widest first
    assert (five["exporter"], five["version"], five["stored"], five["missing"]) == ("127.0.0.2", 5, 70, 30)
    assert five["share"] == pytest.approx(0.7) and not five["estimated"]
    assert (nine["exporter"], nine["version"], nine["source"], nine["missing"]) == ("127.0.0.3", 9, 5, 8)
    assert nine["share"] == pytest.approx(0.75) and nine["estimated"]
    assert c["broken"] == c["files_without_books"] == c["refused"] == c["malformed"] == 0


def test_live_and_sealed(lossy, run):
    check(asked(run, lossy.store))
    lossy.stop()
    check(asked(run, lossy.store))
    check(asked(run, lossy.store, "--from", "2020-01-01", "bytes >= 0"))


def test_only_the_senders_and_times_asked_for(lossy, run):
    of = lambda *args: asked(run, lossy.store, *args)["coverage"]
    assert (of("exporter 127.0.0.2")["senders"], of("exporter 127.0.0.2")["share"]) == (1, pytest.approx(0.7))
    assert (of("exporter 127.0.0.4")["share"], of("exporter 127.0.0.4")["gaps"]) == (1, [])
    assert of("version 9")["share"] == pytest.approx(0.75)
    assert of("version 5 or version 10")["sent"] == 103
    assert of("--to", "2020-01-01")["sent"] == of("exporter 192.0.2.1")["sent"] == 0


def test_as_text(lossy, run):
    table = run("query", "--store", lossy.store, "--by", "proto", "--coverage").stdout
    assert "coverage: 71.9 % of what 3 senders sent is stored: 97 of 135 flows" in table
    assert "  127.0.0.2 v5 source 0: 70.0 %, 30 flows missing\n" in table
    assert "  127.0.0.3 v9 source 5: 75.0 %, about 8 flows missing\n" in table
    for form in (("--format", "csv"), ("--format", "jsonl"), ("--quiet",), ("--chart",)):
        done = run("query", "--store", lossy.store, "--by", "proto", "--coverage", *form)
        assert "coverage: 71.9 %" in done.stderr and "coverage" not in done.stdout
    assert "coverage" not in run("query", "--store", lossy.store, "--by", "proto").stdout
    none = run("query", "--store", lossy.store, "--by", "proto", "--coverage", "--to", "2020-01-01").stdout
    assert "the books have no flows that were received in this time" in none


def test_what_waits_and_what_cannot_be_read(collector, run):
    c = collector()
    c.send(b"junk", ipfix(0, (256, record(3)), domain=8), v5(0, 10)[: 24 + 48 * 9])
    c.wait_for(datagrams=3)
    table = run("query", "--store", c.store, "--by", "proto", "--coverage").stdout
    assert "90.0 % of what 2 senders sent is stored: 9 of 10 flows" in table
    assert "1 flow records were malformed" in table and "1 data sets wait for their template" in table
    assert "2 datagrams could not be read, wholly or in part" in table


def test_a_broken_file_is_told(lossy, run):
    lossy.stop()
    path = next(lossy.store.glob("date=*/hour=*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-200])
    done = run("query", "--store", lossy.store, "--by", "proto", "--coverage", status=1)
    assert "1 files or journals could not be read" in done.stdout and path.name in done.stderr
