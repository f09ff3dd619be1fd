"""Real exporters of Debian, live into weir collect: what weir query shows is what their traffic was.

Each exporter in each of its versions has a collector of its own, and all send once more to a common
one, from one address, with templates of the same number that mean different things. All run at once.
"""

import concurrent.futures
import json
import pathlib
import struct
import subprocess
import time

import pytest

import exporters
import traffic
from conftest import Collector

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
INSTALLED = [e for e in exporters.EXPORTERS if e.path]

# Whatever counts something that went wrong.
TROUBLE = ("kernel_drops", "templates_changed", "templates_evicted", "sets_held_lost", "bad_version", "bad_header", "bad_count",
           "bad_length", "bad_set", "bad_template", "bad_record", "bad_withdrawal", "rates_refused", "no_memory",
           "flows_lost", "journal_errors", "seal_errors", "sync_errors")


def datagrams_recorded(exporter):
    """How many datagrams the exporter made of the same traffic when it was recorded."""
    data = (FIXTURES / f"{exporter.name}.pcap").read_bytes()
    at, n = 24, 0
    while at < len(data):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        n += 1
    return n


class Heard:
    """What one collector has of one or more exporters that ran at once."""

    def __init__(self, weir, folder, sent):
        self.sent = sent
        self.start_ms = int(time.time() * 1000) - 30000
        self.truth = traffic.flows(self.start_ms)
        self.weir = weir
        self.store = folder / "store"
        capture = str(folder / "traffic.pcap")
        traffic.write(capture, self.start_ms)
        with Collector(self.store) as collector, concurrent.futures.ThreadPoolExecutor(len(sent)) as pool:
            for done in [pool.submit(e.run, capture, collector.port, str(folder)) for e in sent]:
                done.result()
            collector.wait_for(flows=sum(len(e.expected(self.truth)) for e in sent))
            self.live = self.query()
            self.counters = collector.counters()
            self.findings = self.doctor()
            self.status = collector.stop()
            self.log = collector.text()
        self.sealed = self.query()

    def query(self):
        run = subprocess.run([self.weir, "query", "--store", str(self.store), "--raw", "--format", "jsonl"],
                             stdout=subprocess.PIPE, check=True)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def doctor(self):
        """What weir doctor finds wrong, without notes on what their records do not tell."""
        run = subprocess.run([self.weir, "doctor", "--store", str(self.store), "--json"], stdout=subprocess.PIPE, check=False)
        return [f for f in json.loads(run.stdout)["findings"] if f["severity"] != "note"]

    def check_datagrams(self):
        """As many as were recorded; fprobe may send its flows in more."""
        recorded = sum(map(datagrams_recorded, self.sent))
        more = self.counters["datagrams"] - recorded
        assert more == 0 or (more > 0 and any(e.program == "fprobe" for e in self.sent))
        assert self.counters["journal_frames"] == self.counters["datagrams"]

    def check(self):
        assert exporters.differences([(e, self.truth) for e in self.sent], self.sealed) == []
        assert sorted(map(json.dumps, self.live)) == sorted(map(json.dumps, self.sealed))
        self.check_datagrams()
        assert self.counters["flows"] == len(self.sealed)
        assert {k: self.counters[k] for k in TROUBLE} == dict.fromkeys(TROUBLE, 0)
        assert self.findings == []
        assert self.status == 0
        assert f"flows={len(self.sealed)} stored={len(self.sealed)} files=1" in self.log


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """{exporter's name: future of Heard}, and "all"."""
    from conftest import WEIR

    with concurrent.futures.ThreadPoolExecutor(len(INSTALLED) + 1) as pool:
        jobs = {e.name: [e] for e in INSTALLED}
        if INSTALLED:
            jobs["all"] = INSTALLED
        yield {name: pool.submit(Heard, WEIR, tmp_path_factory.mktemp(name), sent) for name, sent in jobs.items()}


@pytest.mark.parametrize("exporter", exporters.EXPORTERS, ids=lambda e: e.name)
def test_every_flow_of_an_exporter_is_stored_as_the_traffic_was(heard, exporter):
    if not exporter.path:
        pytest.skip(f"{exporter.program} is not installed")
    heard[exporter.name].result().check()


def test_exporters_that_share_an_address_do_not_disturb_each_other(heard):
    if len(INSTALLED) < 2:
        pytest.skip("softflowd, fprobe and pmacct are not installed")
    heard["all"].result().check()
