"""Access lists: who is heard at which port, what becomes of others, and that millions of these change nothing."""

import json
import os
import re
import socket
import struct
import subprocess

import pytest
from conftest import TEMPLATE, ipfix, record, until, v5

IP_PKTINFO = 8  # linux/in.h


def send_from(source, to, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        for d in datagrams:
            s.sendto(d, to)


def drops(run, store):
    return json.loads(run("show", "drops", "--json", "--store", store).stdout)


def dropped(run, store, name):
    return next(d["count"] for d in drops(run, store)["drops"] if d["name"] == name)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_denied_datagrams_reach_neither_journal_nor_decoder(collector, run, flows):
    c = collector("--deny", "127.0.0.66", "--permit", "127.0.0.0/24")
    to = ("127.0.0.1", c.port)
    send_from("127.0.0.66", to, v5(0, 3), b"not an export")
    send_from("127.0.9.9", to, v5(0, 3))  # no rule names it
    send_from("127.0.0.7", to, v5(0, 2, first_port=7000))
    c.wait_for(datagrams=1, denied=3)
    n = c.counters()
    assert (n["datagrams"], n["flows"], n["journal_frames"], n["denied"], n["bad_version"]) == (1, 2, 1, 3, 0)
    assert {f["exporter"] for f in flows(c.store)} == {"127.0.0.7"}
    until(lambda: [x["denied"] for x in c.show()["listeners"] if "udp" in x] == [3], "the listener's count")


def test_show_drops_says_from_where_and_what_to_do(collector, run):
    c = collector("--permit", "127.0.0.1")
    for i in range(5):
        send_from("127.0.4.2", ("127.0.0.1", c.port), v5(i))
    send_from("127.0.5.3", ("127.0.0.1", c.port), v5(0))
    c.wait_for(denied=6)
    # The list by prefix is a quarter of a second behind.
    until(lambda: sum(d["denied"] for d in drops(run, c.store)["denied_from"]) == 6, "the list of prefixes")
    seen = drops(run, c.store)
    assert [(d["prefix"], d["denied"], d["too_high_by"]) for d in seen["denied_from"]] == [("127.0.4.0/24", 5, 0), ("127.0.5.0/24", 1, 0)]
    assert all(d["advice"] and d["what"] for d in seen["drops"])
    table = run("show", "drops", "--store", c.store).stdout
    assert re.search(r"6 +denied ", table) and "--permit" in table
    assert re.search(r"5 +127\.0\.4\.0/24", table)
    until(lambda: "denied: the access list does not permit" in c.text(), "the log line")


def test_without_losses_show_drops_says_so(collector, run):
    c = collector()
    assert "Nothing was lost" in run("show", "drops", "--store", c.store).stdout


def test_a_rule_may_be_for_one_port(collector, run):
    port = free_port()
    c = collector("--permit", f"127.0.0.7@{port}", "--listen", f"127.0.0.1:{port}")
    send_from("127.0.0.8", ("127.0.0.1", c.port), v5(0))  # this port has no list
    send_from("127.0.0.8", ("127.0.0.1", port), v5(1))
    send_from("127.0.0.7", ("127.0.0.1", port), v5(2))
    c.wait_for(datagrams=2, denied=1)


def test_connections_are_denied_before_anything_is_read(collector, run):
    c = collector("--permit", "127.0.0.7")
    message = ipfix(0, TEMPLATE, record(1))
    with socket.create_connection(("127.0.0.1", c.tcp_port), source_address=("127.0.0.8", 0)) as s:
        s.settimeout(20)
        try:
            s.sendall(message)
            assert s.recv(1) == b""
        except ConnectionError:
            pass
    with socket.create_connection(("127.0.0.1", c.tcp_port), source_address=("127.0.0.7", 0)) as s:
        s.sendall(message)
        c.wait_for(flows=1, tcp_denied=1, tcp_sessions=1)
    assert c.counters()["flows"] == c.counters()["tcp_sessions"] == 1


@pytest.mark.parametrize(
    "args, why",
    [
        (["--permit", "10.0.0.0/33"], "expected a prefix length of 0 to 32"),
        (["--deny", "router1"], "expected an IPv4 or IPv6 address"),
        (["--permit", "any@0"], "expected a port of 1 to 65535"),
        (["--deny", "10.0.0.0/8"], "permits nobody"),
        (["--permit", "any@1"], "for port 1, where nothing listens"),
    ],
)
def test_wrong_rules_are_refused_at_start(run, tmp_path, args, why):
    done = run("collect", "--store", tmp_path, "--listen", "127.0.0.1:0", *args, status=2)
    assert why in done.stderr


@pytest.mark.parametrize("args, warned", [([], True), (["--permit", "192.0.2.0/24"], False)])
def test_an_open_address_without_a_list_is_warned_of(weir, tmp_path, args, warned):
    log = tmp_path / "log"
    command = [weir, "collect", "--store", tmp_path / "store", "--listen", "0.0.0.0:0", *args]
    with open(log, "w") as out, subprocess.Popen(command, stderr=out) as p:
        until(lambda: "ready store=" in log.read_text(), "the collector")
        p.terminate()
    assert ("open to the network" in log.read_text()) == warned


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def spoof(s, to, source, datagram):
    """From any address of 127.0.0.0/8: the kernel lets its own addresses be chosen."""
    info = struct.pack("=I4s4s", 0, source.to_bytes(4, "big"), bytes(4))
    s.sendmsg([datagram], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, to)


def test_strangers_by_the_thousand_leave_memory_flat_and_the_known_served(collector, run):
    c = collector("--permit", "127.0.0.0/24")
    to = ("127.0.0.1", c.port)
    rounds, each, known = (100 if os.environ.get("WEIR_LONG") else 10), 2000, 0
    denied = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(rounds):
            for k in range(each):
                spoof(s, to, 0x7F010000 + (i * each + k) * 83 % 0xFE0000, v5(k))
                if k % 100 == 0:
                    spoof(s, to, 0x7F000001 + k // 100, v5(i))
                    known += 1
            denied += each
            until(lambda: sum(c.counters()[k] for k in ("denied", "datagrams", "kernel_drops")) == denied + known, "all of them")
            if i == 1:
                before = resident_kb(c.process.pid)
    n = c.counters()  # which add up, as waited for
    assert known - n["kernel_drops"] <= n["datagrams"] <= known
    # Buffers of the socket's memory that a burst reaches first: 128 places of two pages.
    assert resident_kb(c.process.pid) - before < 3000
    # The counters are live; what is denied by prefix is told once a second.
    until(lambda: len(drops(run, c.store)["denied_from"]) == 64, "64 prefixes")
    seen = drops(run, c.store)["denied_from"]
