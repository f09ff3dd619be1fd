"""weir decode against recordings of real exporters that metered our own traffic (record_fixtures.py).

Two witnesses: what tshark reads of the datagrams, field by field, and what the traffic was.
"""

import json
import pathlib
import subprocess

import pytest

import exporters
import traffic

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
NAMES = [e.name for e in exporters.EXPORTERS]

# Neither on the wire nor shown by tshark: whether and how it is sampled. None of these is.
DERIVED = {"rate", "rate_from"}


def recorded(name):
    with open(FIXTURES / f"{name}.json", encoding="utf-8") as f:
        return json.load(f)


def decode(weir, name):
    run = subprocess.run([weir, "decode", FIXTURES / f"{name}.pcap"], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_every_exporter_has_a_recording_and_every_recording_an_exporter():
    assert {p.name for p in FIXTURES.iterdir()} == {n + end for n in NAMES for end in (".pcap", ".json")}


def with_times(records):
    """RFC 5102: elements 22 and 21 count from 160, which softflowd sends in options data; the clock is of 32 bits."""
    init_ms = None
    for r in records:
        init_ms = r.get("init_ms", init_ms)
        if init_ms is None or "first_uptime_ms" not in r or "first_ms" in r:
            yield r
            continue
        first, last = (init_ms + (r[end + "_uptime_ms"] + 2**31) % 2**32 - 2**31 for end in ("first", "last"))
        yield r | {"first_ms": first, "last_ms": last, "time_ms": last}


@pytest.mark.parametrize("name", NAMES)
def test_reads_a_recording_as_an_independent_decoder_does(weir, name):
    have = decode(weir, name)
    want = recorded(name)["records"]
    assert len(have) == len(want) > 0
    for h, w in zip(have, with_times(want)):
        assert {k: v for k, v in h.items() if k not in DERIVED} == w
        assert h["rate"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_says_what_the_traffic_was(weir, name):
    flows = [r for r in decode(weir, name) if r["kind"] == "flow"]
    truth = traffic.flows(recorded(name)["start_ms"])
    assert exporters.differences([(exporters.by_name(name), truth)], flows) == []
