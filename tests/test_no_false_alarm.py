"""Real exporters of Debian, each program in each of its versions, live and all at once into one collector, over IPv4 and IPv6: nothing is
wrong with any of them, so nothing is said to be. WEIR_LONG=1 watches them for ten minutes.

They meter a link in a network namespace of the test's own; fprobe 1.1 exports over IPv4 only.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import exporters
import traffic
from conftest import WEIR, Collector, until

SECONDS = 600 if os.environ.get("WEIR_LONG") else 30
ROUND_S = 0.5
# What operators are told to set: else a flow of hours is one record, and the doctor is right to say so.
TIMEOUTS = {"tcp": 10, "tcp.rst": 5, "tcp.fin": 5, "udp": 10, "icmp": 10, "general": 10, "maxlife": 55, "expint": 3}
CLONE_NEWNET = 0x40000000
INSTALLED = [e for e in exporters.EXPORTERS if e.path]
OURS, THEIRS = "weir0", "weir1"  # the two ends of the link: packets go in at ours and are metered at theirs

# Whatever counts something that went wrong.
TROUBLE = ("kernel_drops", "templates_changed", "templates_evicted", "sets_held_lost", "bad_version", "bad_header", "bad_count", "bad_length",
           "bad_set", "bad_template", "bad_record", "bad_withdrawal", "rates_refused", "no_memory", "sequence_gaps", "sequence_missed",
           "sequence_late", "sequence_duplicates", "sequence_behind", "sequence_restarts", "journal_errors", "seal_errors", "sync_errors")


@contextlib.contextmanager
def namespace():
    """This thread, and what it starts, in a network namespace with a link."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip("cannot make a network namespace: run as root")
        try:
            commands = ("link set lo up", f"link add {OURS} type veth peer name {THEIRS}", f"link set {OURS} up", f"link set {THEIRS} up")
            for command in commands:
                if subprocess.run(["ip", *command.split()], check=False).returncode != 0:
                    pytest.skip(f"no link to meter: ip {command}")
            yield
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0
    finally:
        os.close(home)


def softflowd(e, to, folder):
    timeouts = [x for name, seconds in TIMEOUTS.items() for x in ("-t", f"{name}={seconds}")]
    return ["-d", "-i", THEIRS, "-c", "none", "-p", f"{folder}.pid", "-n", to, "-v", str(e.version), *timeouts, *e.options]


def fprobe(e, to, _folder):
    return ["-i", THEIRS, "-f", "ip", "-n", str(e.version), "-d", "10", "-e", "55", "-s", "2", "-l", "2", to]


def pmacctd(e, to, folder):
    timeouts = ":".join(f"{name}={seconds}" for name, seconds in TIMEOUTS.items())
    path = f"{folder}.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"daemonize: false\npcap_interface: {THEIRS}\nplugins: nfprobe\nnfprobe_receiver: {to}\nnfprobe_version: {e.version}\n"
                f"nfprobe_timeouts: {timeouts}\naggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n")
    return ["-f", path]


ARGUMENTS = {"softflowd": softflowd, "fprobe": fprobe, "pmacctd": pmacctd}


@contextlib.contextmanager
def running(collector, folder):
    """All exporters, as (exporter, whether over IPv6, process)."""
    six = re.search(r"listening udp=\[::1\]:(\d+)", collector.text()).group(1)
    started = []
    try:
        for e in INSTALLED:
            for is_six in (False, True) if e.program != "fprobe" else (False,):
                to = f"[::1]:{six}" if is_six else f"127.0.0.1:{collector.port}"
                place = str(folder / f"{e.name}-{int(is_six)}")
                with open(f"{place}.log", "w") as log:
                    started.append((e, is_six, subprocess.Popen([e.path, *ARGUMENTS[e.program](e, to, place)], stdin=subprocess.DEVNULL,
                                                                stdout=log, stderr=log, start_new_session=True)))
        yield started
    finally:
        for _, _, process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def packets(i):
    """The traffic of a round: new conversations each time, and some that go on for ever."""
    for p in traffic.conversations():
        has_ports = p.proto in (traffic.TCP, traffic.UDP)
        goes_on = p.ports == (6000, 6001)
        yield p if goes_on or not has_ports else dataclasses.replace(p, ports=tuple(n + i % 500 * 20 if n > 10000 else n for n in p.ports))


def findings(store):
    """What weir doctor says is wrong."""
    run = subprocess.run([WEIR, "doctor", "--json", "--store", str(store)], stdout=subprocess.PIPE, check=False)
    return [f for f in json.loads(run.stdout)["findings"] if f["severity"] != "note"]


def heard(c):
    """{(over IPv6?, version)}: how many senders, of those that sent flows."""
    seen = {}
    for s in c.show("senders")["senders"]:
        if s["flows"] > 0:
            key = s["exporter"].startswith("["), s["version"]
            seen[key] = seen.get(key, 0) + 1
    return seen


@pytest.mark.skipif(not INSTALLED, reason="softflowd, fprobe and pmacct are not installed")
def test_nothing_is_wrong_with_real_exporters(tmp_path):
    with namespace(), Collector(tmp_path / "store", "--listen", "[::1]:0") as c, running(c, tmp_path) as started, \
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((OURS, 0))
        expected = {}
        for e, is_six, _ in started:
            expected[is_six, e.version] = expected.get((is_six, e.version), 0) + 1

        end, i = time.monotonic() + SECONDS, 0

        def go_on():
            nonlocal i
            for p in packets(i):
                link.send(traffic.frame(p))
            i += 1
            time.sleep(ROUND_S)

        while time.monotonic() < end:
            go_on()
            if i % 10 == 0:
                assert findings(c.store) == []
        until(lambda: go_on() or heard(c) == expected, lambda: f"all to be heard: {heard(c)} of {expected}", 60)
        assert [(e.name, is_six) for e, is_six, process in started if process.poll() is not None] == []
        for _, _, process in started:  # they send what they have, and end
            process.terminate()
        for _, _, process in started:
            process.wait(30)
        assert findings(c.store) == []
        assert heard(c) == expected
        n = c.counters()
        assert {k: n[k] for k in TROUBLE} == dict.fromkeys(TROUBLE, 0)
        for s in c.show("senders")["senders"]:
            assert [s[k] for k in ("lost", "gaps", "late", "duplicates", "behind", "restarts")] == [0] * 6, s
        books = json.loads(subprocess.run([WEIR, "books", "--json", "--store", str(c.store)], stdout=subprocess.PIPE, check=True).stdout)
        assert books["balanced"] and books["total"]["received"] == books["total"]["stored"] == n["flows"]
        assert c.stop() == 0
