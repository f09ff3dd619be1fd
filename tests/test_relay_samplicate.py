"""weir relay with samplicate's flags and file: who gets what, with whose address, whatever its length; also where receivers refuse, or cannot be
reached."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

import conftest
from test_probe_live import UNSHARE, may_have_networks


class Receiver:
    """A UDP port that keeps what comes, with whose it was."""

    def __init__(self, address="127.0.0.1", port=0):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((address, port))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def take(self, n, seconds=10):
        got, end = [], time.monotonic() + seconds
        while len(got) < n and time.monotonic() < end:
            try:
                data, who = self.socket.recvfrom(65536)
                got.append((data, who[0], who[1]))
            except BlockingIOError:
                time.sleep(0.005)
        return got

    def rest(self):
        return self.take(1, 0.2)


@pytest.fixture
def relay(tmp_path):
    """relay(args...): a relay at a free port (relay.port), until the test ends."""
    started = []

    def start(*args, program=None, family=()):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        log = open(tmp_path / f"log{len(started)}", "w+")
        command = [program] if program else [conftest.WEIR, "relay", "--samplicate"]
        process = subprocess.Popen([*command, "-p", str(port), *map(str, args)], stderr=log, env=os.environ | {"RUNTIME_DIRECTORY": str(tmp_path)})
        process.port, process.log = port, pathlib.Path(log.name)
        started.append(process)
        conftest.until(lambda: "relaying" in process.log.read_text() or process.poll() is not None, "the relay to begin")
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def send(port, *payloads, address="127.0.0.1", source=None):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        if source:
            s.bind((source, 0))
        for data in payloads:
            s.sendto(data, (address, port))
        return s.getsockname()[:2]


def shown(tmp_path):
    done = subprocess.run([conftest.WEIR, "show", "relay", "--json"], capture_output=True, text=True, env=os.environ | {"RUNTIME_DIRECTORY": str(tmp_path)}, check=True)
    return json.loads(done.stdout)


def test_each_receiver_gets_each_datagram_as_it_was(relay, tmp_path):
    receivers = [Receiver() for _ in range(8)]
    r = relay(*(f"127.0.0.1/{x.port}" for x in receivers))
    payloads = [os.urandom(n) for n in (0, 1, 2, 200, 1464, 1464, 1464, 9000, 65507, 3)]
    send(r.port, *payloads)
    for x in receivers:
        assert [d for d, *_ in x.take(len(payloads))] == payloads
    state = shown(tmp_path)
    assert (state["datagrams"], state["bytes"], state["unmatched"]) == (10, sum(map(len, payloads)), 0)
    assert all((x["datagrams"], x["bytes"], x["failed"]) == (10, state["bytes"], 0) for x in state["receivers"])
    assert state["senders"] == [{"sender": "127.0.0.1", "datagrams": 10, "bytes": state["bytes"], "rules": 1}]
    text = subprocess.run([conftest.WEIR, "show", "relay"], capture_output=True, text=True, env=os.environ | {"RUNTIME_DIRECTORY": str(tmp_path)}, check=True).stdout
    assert "Received 10 datagrams" in text and f"127.0.0.1:{receivers[0].port} " in text and "\n127.0.0.1 " in text


@pytest.mark.parametrize("n", (1, 2, 8, 32))
def test_one_that_refuses_and_one_that_cannot_be_reached_cost_the_others_nothing(relay, n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]
    receivers = [Receiver() for _ in range(n)]
    good = [f"127.0.0.1/{x.port}" for x in receivers]
    r = relay(f"127.0.0.1/{closed}", "255.255.255.254/9", *good)
    payloads = [b"%d" % i for i in range(300)]
    for i in range(0, 300, 20):
        send(r.port, *payloads[i:i + 20])
        time.sleep(0.002)
    for x in receivers:
        assert [d for d, *_ in x.take(300)] == payloads


def test_every_line_of_the_file_that_matches_gets_a_copy(relay, tmp_path):
    a, b, c, d = (Receiver() for _ in range(4))
    conf = tmp_path / "conf"
    conf.write_text(f"# who, and to whom\n127.0.0.0/8: 127.0.0.1/{a.port}\n127.0.0.2: 127.0.0.1/{b.port} 127.0.0.1/{b.port}\n"
                    f"10.0.0.0/255.0.0.0: 127.0.0.1/{c.port}\n0.0.0.0/32: 127.0.0.1/{d.port}/2\n")
    r = relay("-c", conf, f"127.0.0.1/{c.port}")
    send(r.port, b"one", b"two", source="127.0.0.1")
    send(r.port, b"three", source="127.0.0.2")
    assert [x[0] for x in a.take(3)] == [b"one", b"two", b"three"]
    assert [x[0] for x in b.take(2)] == [b"three", b"three"]
    assert [x[0] for x in c.take(3)] == [b"one", b"two", b"three"]  # of the command line: whoever sends
    assert [x[0] for x in d.take(2)] == [b"one", b"three"]
    assert not any(x.rest() for x in (a, b, c, d))


def test_who_falls_under_no_line_is_counted(relay, tmp_path):
    a = Receiver()
    (tmp_path / "conf").write_text(f"10.0.0.0/8: 127.0.0.1/{a.port}\n")
    r = relay("-c", tmp_path / "conf")
    send(r.port, b"x", b"y")
    conftest.until(lambda: shown(tmp_path)["unmatched"] == 2, "the count")
    assert not a.rest()


def test_one_in_n_begins_with_the_first(relay):
    a = Receiver()
    r = relay(f"127.0.0.1/{a.port}/3")
    send(r.port, *(b"%d" % i for i in range(10)))
    assert [x[0] for x in a.take(4)] == [b"0", b"3", b"6", b"9"]


def test_ipv6_and_ipv4_at_one_port(relay):
    four, six = Receiver(), Receiver("::1")
    r = relay(f"127.0.0.1/{four.port}", f"[::1]/{six.port}")
    send(r.port, b"four")
    send(r.port, b"six", address="::1")
    assert {x[0] for x in four.take(2)} == {b"four", b"six"} == {x[0] for x in six.take(2)}
    only = relay("-4", f"127.0.0.1/{four.port}")
    with pytest.raises(OSError):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.connect(("::1", only.port))
            s.send(b"x")
            time.sleep(0.2)
            s.send(b"x")


def test_called_as_samplicate_it_is_samplicate(relay, tmp_path):
    (tmp_path / "samplicate").symlink_to(conftest.WEIR)
    a = Receiver()
    r = relay("-s", "127.0.0.1", f"127.0.0.1/{a.port}", program=str(tmp_path / "samplicate"))
    send(r.port, b"x")
    assert [x[0] for x in a.take(1)] == [b"x"]


def test_it_cuts_pauses_leaves_and_forks_as_asked(relay, tmp_path):
    a = Receiver()
    r = relay("-u", 100, "-x", 20000, "-t", 700, "-d", 1, "-m", tmp_path / "pid", f"127.0.0.1/{a.port}")
    assert int((tmp_path / "pid").read_text()) == r.pid
    begin = time.monotonic()
    send(r.port, *[bytes(200)] * 10)
    assert [len(x[0]) for x in a.take(10)] == [100] * 10 and time.monotonic() - begin > 0.18
    assert r.wait(10) == 5 and time.monotonic() - begin < 9
    assert r.log.read_text().count("received 100 bytes from 127.0.0.1:") == 10
    forks = relay("-f", "-m", tmp_path / "pid", f"127.0.0.1/{a.port}")
    assert forks.wait(10) == 0
    child = int((tmp_path / "pid").read_text())
    try:
        send(forks.port, b"still")
        assert [x[0] for x in a.take(1)] == [b"still"]
    finally:
        os.kill(child, signal.SIGTERM)


def test_sighup_reads_the_file_again_and_loses_nothing(relay, tmp_path):
    a, b = Receiver(), Receiver()
    conf = tmp_path / "conf"
    conf.write_text(f"127.0.0.0/8: 127.0.0.1/{a.port}\n")
    r = relay("-b", 4000000, "-c", conf)
    payloads = [b"%d" % i for i in range(2000)]
    got = []
    for i in range(0, 2000, 10):
        send(r.port, *payloads[i:i + 10])
        got += a.take(10)
        if i == 500:
            conf.write_text(f"127.0.0.0/8: 127.0.0.1/{b.port} 127.0.0.1/{a.port}\n")
            r.send_signal(signal.SIGHUP)
        if i == 1000:
            conf.write_text("127.0.0.0/8 no colon\n")
            r.send_signal(signal.SIGHUP)
    assert [d for d, *_ in got] == payloads
    late = [d for d, *_ in b.take(2000, 1)]
    assert 0 < len(late) < 2000 and late == payloads[-len(late):]
    text = r.log.read_text()
    assert "rules and receivers read receivers=2 rules=1" in text and f"{conf}:1: expected SOURCE: RECEIVER" in text
    state = shown(tmp_path)
    assert {x["receiver"]: x["datagrams"] for x in state["receivers"]} == {f"127.0.0.1:{a.port}": 2000, f"127.0.0.1:{b.port}": len(late)}


def test_it_explains_where_datagrams_would_go(run, tmp_path):
    conf = tmp_path / "conf"
    conf.write_text("10.0.0.0/8: 192.0.2.1/2055 192.0.2.2/2055/10\n10.1.2.3: [2001:db8::1]/9\n")
    assert run("relay", "--samplicate", "-c", conf, "--explain", "10.1.2.3", "192.0.2.9").stdout == (
        f"10.1.2.3 to 192.0.2.1:2055, by {conf}:1\n10.1.2.3 to 192.0.2.2:2055, one in 10, by {conf}:1\n10.1.2.3 to [2001:db8::1]:9, by {conf}:2\n"
        "10.1.2.3 to 192.0.2.9:2000, of the command line\n")
    assert run("relay", "--samplicate", "-c", conf, "--explain", "11.0.0.1").stdout == "11.0.0.1: no line is for it; its datagrams are counted, and go nowhere\n"


@pytest.mark.parametrize("args, said", (
    ([], "expected a receiver"), (["-p", "0", "127.0.0.1"], "expected a port, 1 to 65535"), (["127.0.0.1/x-y"], "expected a port"), (["-n", "127.0.0.1"], "-n: expected -S, too"),
    (["-4", "::1"], "of another version of IP"), (["-4", "[::1]/9"], "of another version of IP"), (["-c", "/nowhere", "1.2.3.4"], "/nowhere"),
    (["-p", "4321", "127.0.0.1/4321"], "is this relay itself"),
))
def test_mistakes_are_explained(run, args, said):
    assert said in run("relay", "--samplicate", *args, status=2).stderr


@pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")
@pytest.mark.parametrize("checksum", (True, False))
def test_with_the_senders_address_over_networks_of_any_length(tmp_path, checksum):
    """Exporter → relay → two collectors on other networks: they see the exporter's address and port, and every octet."""
    done = subprocess.run([*UNSHARE, sys.executable, "-c", NETWORK, str(tmp_path), "" if checksum else "-n"], capture_output=True, text=True,
                          cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    r = json.loads(done.stdout)
    for got in r["got"]:
        assert got["v4"] == r["sent"]["v4"] and got["v6"] == r["sent"]["v6"]
        assert got["bad"] == 0
    assert all(x["failed"] == 0 and x["other_family"] == x["datagrams"] for x in r["state"]["receivers"])


NETWORK = r"""
import hashlib, json, os, pathlib, signal, subprocess, sys
import conftest, router
folder = pathlib.Path(sys.argv[1])
flags = sys.argv[2:3] if sys.argv[2] else []
router.HOSTS["h2"] = ("10.0.2", "fd00:2::")
router.ip("link", "set", "lo", "up")
exporter, *collectors = [router.host(h) for h in ("h0", "h1", "h2")]
TAKE = '''
import hashlib, json, pathlib, select, socket, sys, time
n = int(sys.argv[1])
fours, sixes = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for s, any in ((fours, "0.0.0.0"), (sixes, "::")):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    if s is sixes:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((any, 2055))
print("ready", flush=True)
got = {"v4": [], "v6": []}
while len(got["v4"]) + len(got["v6"]) < 2 * n:
    ready, _, _ = select.select([fours, sixes], [], [], 15)
    if not ready:
        break
    for s in ready:
        data, who = s.recvfrom(70000)
        got["v4" if s is fours else "v6"].append([who[0], who[1], len(data), hashlib.sha1(data).hexdigest()])
names, values = [l.split() for l in pathlib.Path("/proc/net/snmp").read_text().splitlines() if l.startswith("Udp:")]
got["bad"] = int(dict(zip(names, values))["InCsumErrors"])
print(json.dumps(got))
'''
SEND = '''
import hashlib, json, os, socket, sys, time
sent = {"v4": [], "v6": []}
for name, family, to, me in (("v4", socket.AF_INET, "10.0.0.1", "10.0.0.2"), ("v6", socket.AF_INET6, "fd00:0::1", "fd00:0::2")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((me, 50123))
    sizes = [0, 1, 2, 3, 200, 1400, 1464, 1472, 1473, 1500, 2953, 9001, 65507] + ([65527] if name == "v6" else []) + [7] * (50 - (name == "v6"))
    for n in sizes:
        data = os.urandom(n)
        s.sendto(data, (to, 2055))
        who = s.getsockname()[0]
        sent[name].append([who, 50123, n, hashlib.sha1(data).hexdigest()])
        time.sleep(0.002)
print(json.dumps(sent))
'''
def inside(host, code, *args):
    return subprocess.Popen(["nsenter", "-t", str(host.pid), "-n", sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True)
os.environ["RUNTIME_DIRECTORY"] = str(folder)
n = 63
takers = [inside(c, TAKE, str(n)) for c in collectors]
log = open(folder / "log", "w+")
relay = subprocess.Popen([conftest.WEIR, "relay", "--samplicate", "-S", *flags, "-p", "2055", "-b", "8000000", "10.0.1.2/2055", "10.0.2.2/2055", "[fd00:1::2]/2055",
                          "[fd00:2::2]/2055"], stderr=log)
try:
    assert [t.stdout.readline() for t in takers] == ["ready\n"] * 2
    conftest.until(lambda: "relaying" in (folder / "log").read_text() or relay.poll() is not None, "the relay to begin")
    sender = inside(exporter, SEND)
    sent = json.loads(sender.communicate()[0])
    got = [json.loads(t.communicate()[0]) for t in takers]
    state = json.loads(subprocess.run([conftest.WEIR, "show", "relay", "--json"], capture_output=True, text=True, check=True).stdout)
    print(json.dumps({"sent": sent, "got": got, "state": state}))
finally:
    relay.kill()
    for p in (exporter, *collectors, *takers):
        p.kill()
"""
