"""The configuration file: what weir check says of it, weir collect --config, and reading it again on SIGHUP."""

import os
import pathlib
import signal
import socket
import threading
import time

import pytest
from conftest import ROOT, TEMPLATE, Collector, ipfix, record, until, v5


def write(path, text):
    path.write_text(text)
    return path


def send_from(source, port, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        for d in datagrams:
            s.sendto(d, ("127.0.0.1", port))


def example():
    """The file in docs/configuration.md."""
    lines = (ROOT / "docs/configuration.md").read_text().split("\n## ")[0].splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith("    "))


def test_the_documented_file_means_what_is_said(run, tmp_path):
    said = run("check", write(tmp_path / "weir.conf", example())).stdout
    assert "UDP 0.0.0.0:2055: deny 10.1.9.0/24, permit 10.0.0.0/8, deny others" in said
    assert "UDP [::]:4739: deny 10.1.9.0/24, permit 10.0.0.0/8, permit 2001:db8::/32, deny others" in said
    assert "TCP 192.0.2.10:4739" in said and "workers: 2" in said
    assert "store: /var/lib/weir, a file every 5m" in said
    assert "Filters: web" in said
    assert "Sender 10.2.0.0/16: samples one in 1000, whatever it says; what comes out of sequence is rejected" in said


@pytest.mark.parametrize(
    "text, place, why",
    [
        ("colector\n", "1:1", "expected filter or names or collector or store or sender"),
        ("collector\n listen udp 10.0.0.1\n", "2:21", "expected PORT, found the end of the line"),
        ("collector\n listen udp router 2055\n", "2:13", "expected an IPv4 or IPv6 address"),
        ("collector\n permit 10.0.0.0/40\n", "2:9", "expected a prefix length of 0 to 32"),
        ("collector\n permit any prot 5\n", "2:13", "did you mean port?"),
        ("collector\n permit any port 0\n", "2:9", "expected a port of 1 to 65535"),
        ("collector\n workers 1000\n", "2:10", "64"),
        ("collector\n instance Edge\n", "2:11", "lower-case letters"),
        ("collector\n user nobody-here\n", "2:7", "there is no user"),
        ("collector\n user root\n", "2:7", "is root"),
        ("collector\n json unix:\n", "2:7", "expected a file, - or unix:PATH"),
        ("! rules\ncollector\n listen udp 0.0.0.0 2055\n listen tcp ::1 1\n deny any\n", "3:13", "0.0.0.0:2055 permits nobody"),
        ("collector\n listen udp 0.0.0.0 2055\n listen tcp ::1 1\n deny any\n", "3:13", "[::1]:1 permits nobody"),
        ("collector\n listen udp ::1 5\n permit any port 6\n permit any port 5\n", "3:18", "for port 6, where nothing listens"),
        ("collector\n no permit any\n", "2:12", "no such rule before this line"),
        ("collector\n no listen tcp ::1 5\n", "2:16", "nothing listens at [::1]:5"),
        ("store\n seal-every 5ms\n", "2:13", "too short"),
        ("store\n workers 2\n", "2:2", "path or seal-every or journal-size or sync"),
        ("collector\nexit\npermit any\n", "3:1", "expected"),
        ("no collector\n", "1:1", "a block"),
        ("sender router1\n", "1:8", "expected an IPv4 or IPv6 address"),
        ("sender ::1\n sampling 0\n", "2:11", "expected a rate as 1000 or 1:1000"),
        ("sender ::1\n sampling 2:1000\n", "2:11", "expected a rate as 1000 or 1:1000"),
        ("sender ::1\n out-of-sequence drop\n", "2:18", "expected log or reject"),
        ("collector\n syslog locl3\n", "2:9", "did you mean local3?"),
        ("collector\n log loud\n", "2:6", "expected quiet or verbose"),
        ("sampling 5\n", "1:1", "expected"),
        ("filter x dst prot 5\n", "1:10", "did you mean dst_port?"),
    ],
)
def test_mistakes_have_their_place(run, tmp_path, text, place, why):
    path = write(tmp_path / "x.conf", text)
    said = run("check", path, status=2).stderr
    assert f"{path}:{place}: " in said and why in said


def test_check_tells_all_mistakes(run, tmp_path):
    path = write(tmp_path / "x.conf", "collector\n workers many\n pin pin\nstore\n sync 1s\n paht x\n")
    said = run("check", path, status=2).stderr.splitlines()
    assert [line.split(": ")[0] for line in said] == [f"{path}:2:10", f"{path}:3:6", f"{path}:6:2"]


@pytest.mark.parametrize(
    "text, why",
    [
        ("collector\n listen udp 0.0.0.0 2055\n deny any\n", "permits nobody"),
        ("collector\n listen udp 0.0.0.0 2055\n permit any port 2056\n", "for port 2056, where nothing listens"),
    ],
)
def test_rules_that_cannot_be_meant_are_mistakes(run, tmp_path, text, why):
    assert why in run("check", write(tmp_path / "x.conf", text), status=2).stderr


def test_an_open_address_is_warned_of(run, tmp_path):
    path = write(tmp_path / "x.conf", "collector\n listen udp 0.0.0.0 2055\n listen tcp 127.0.0.1 4739\n")
    said = run("check", path).stdout
    assert "UDP 0.0.0.0:2055: everybody is heard; warning: it is open" in said
    assert "TCP 127.0.0.1:4739: everybody is heard, on this machine" in said


def test_no_undoes(run, tmp_path):
    text = "collector\n listen udp ::1 5\n no listen udp ::1 5\n listen udp ::1 6\n permit ::1\n deny any\n no deny any\n workers 7\n no workers\n"
    said = run("check", write(tmp_path / "x.conf", text)).stdout
    assert "[::1]:5" not in said and "UDP [::1]:6: permit ::1/128, deny others" in said and "as many as suit" in said


def test_queries_read_the_same_file(run, tmp_path):
    said = run("filter", "explain", "filter web", "--config", write(tmp_path / "weir.conf", example())).stdout
    assert "443" in said


def test_collect_takes_every_command(tmp_path, weir):
    path = write(
        tmp_path / "weir.conf",
        f"""collector
 permit 127.0.0.0/24
 workers 3
 rcvbuf 1M
 pin
 instance edge
 log verbose
 syslog daemon@{tmp_path}/nobody
store
 path {tmp_path}/flows
 seal-every 1s
 journal-size 100k
 sync 10ms
""",
    )
    with Collector(tmp_path / "flows", "--config", str(path), "--instance", "edge") as c:
        send_from("127.0.0.7", c.port, v5(0, 3))
        send_from("127.0.1.7", c.port, v5(0, 3))
        c.wait_for(datagrams=1, denied=1, files_sealed=1)
        status = c.show()
        assert len(status["workers"]) == 3 and status["instance"] == "edge" and status["store"] == f"{tmp_path}/flows"
        assert c.stop() == 0
        assert "syslog does not take log lines" in c.text()


def test_mistakes_that_show_in_the_end_have_their_place_too(run, tmp_path):
    path = write(tmp_path / "x.conf", "collector\n listen udp 127.0.0.1 0\n permit any port 6\n")
    args = ["collect", "--config", path, "--store", tmp_path / "store"]
    assert f"{path}:3:18: a rule of access is for port 6" in run(*args, status=2).stderr
    write(path, "collector\n listen udp 127.0.0.1 0\n deny any\n")
    assert f"{path}:2:13: the access list of 127.0.0.1:" in run(*args, status=2).stderr


def test_collect_refuses_a_wrong_file(run, tmp_path):
    path = write(tmp_path / "x.conf", "collector\n workers many\n")
    assert f"{path}:2:10: " in run("collect", "--config", path, status=2).stderr
    assert "none.conf" in run("collect", "--config", tmp_path / "none.conf", status=2).stderr


def test_sighup_changes_who_is_heard(collector, tmp_path):
    path = write(tmp_path / "weir.conf", "collector\n permit 127.0.0.7\n permit 127.0.0.1\n")
    c = collector("--config", str(path), "--workers", "1")
    with socket.create_connection(("127.0.0.1", c.tcp_port), source_address=("127.0.0.7", 0)) as s:
        s.settimeout(20)
        s.sendall(ipfix(0, TEMPLATE, record(1)))
        send_from("127.0.0.8", c.port, v5(0))
        c.wait_for(flows=1, denied=1)
        write(path, "collector\n permit 127.0.0.8\n permit 127.0.0.1\n workers 2\n")
        c.process.send_signal(signal.SIGHUP)
        assert s.recv(1) == b""  # no longer permitted
    send_from("127.0.0.8", c.port, v5(1))
    send_from("127.0.0.7", c.port, v5(2))
    c.wait_for(datagrams=2, denied=2, tcp_denied=1)
    # The flag says 1 worker, whatever the file does: nothing needs a restart.
    assert "needs a restart" not in c.text()


def test_sighup_with_a_mistake_changes_nothing(collector, tmp_path):
    path = write(tmp_path / "weir.conf", "collector\n permit 127.0.0.7\n")
    c = collector("--config", str(path))
    for text in ("collector\n permit 127.0.0.7/40\n", "collector\n deny any\n", "collector\n permit any port 1\n"):
        before = c.text().count("that before stays in force")
        write(path, text)
        c.process.send_signal(signal.SIGHUP)
        until(lambda: c.text().count("that before stays in force") > before, "the log line")
    assert f"{path}:2:9: " in c.text()
    send_from("127.0.0.7", c.port, v5(0))
    send_from("127.0.0.8", c.port, v5(0))
    c.wait_for(datagrams=1, denied=1)


def test_sighup_says_what_needs_a_restart(collector, tmp_path):
    path = write(tmp_path / "weir.conf", "store\n sync 1s\n")
    c = collector("--config", str(path))
    write(path, "store\n sync 2s\n")
    c.process.send_signal(signal.SIGHUP)
    until(lambda: "needs a restart" in c.text(), "the log line")
    assert "sync" in c.text().split("needs a restart")[1]


def test_no_datagram_is_lost_by_reading_again(collector, tmp_path):
    lists = ["collector\n permit 127.0.0.1\n", "collector\n deny 127.0.0.9\n permit any\n"]
    path = write(tmp_path / "weir.conf", lists[0])
    c = collector("--config", str(path), "--workers", "2")
    ended = threading.Event()

    def change():
        k = 0
        while not ended.is_set():
            k += 1
            fresh = write(tmp_path / "fresh.conf", lists[k % 2])
            os.replace(fresh, path)
            c.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)

    changing = threading.Thread(target=change)
    changing.start()
    sent = 20000 if os.environ.get("WEIR_LONG") else 4000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(sent):
            s.sendto(v5(i), ("127.0.0.1", c.port))
            if i % 50 == 49:
                c.wait_for(datagrams=i - 48)
    ended.set()
    changing.join()
    until(lambda: c.counters()["datagrams"] + c.counters()["kernel_drops"] == sent, "all of them")
    n = c.counters()
    assert n["denied"] == 0 and n["kernel_drops"] == 0
    assert c.stop() == 0
    assert f"datagrams={sent} flows={sent} stored={sent}" in c.text()


def rates(flows, store):
    """exporter: {(rate, rate_from)} of what is in a store."""
    seen = {}
    for f in flows(store):
        seen.setdefault(f["exporter"], set()).add((f["rate"], f["rate_from"]))
    return seen


SENDERS = """sender 127.0.2.0/24
 sampling 1:100
sender 127.0.2.9
 sampling 7
sender 127.0.2.10
"""


@pytest.mark.parametrize("end", ["live", "stop", "kill"])
def test_forced_sampling_of_senders(collector, flows, tmp_path, end):
    path = write(tmp_path / "weir.conf", SENDERS)
    c = collector("--config", str(path), "--workers", "2")
    for last in (8, 9, 10):
        send_from(f"127.0.2.{last}", c.port, v5(0, 2))
    send_from("127.0.3.1", c.port, v5(0, 2))
    send_from("127.0.2.8", c.port, ipfix(0, TEMPLATE), ipfix(0, record(1)))
    c.wait_for(datagrams=6, flows=9)
    if end == "stop":
        c.stop()
    elif end == "kill":  # a run without the file makes the journals into files
        c.kill()
        collector().stop()
    assert rates(flows, c.store) == {
        "127.0.2.8": {(100, "forced")},
        "127.0.2.9": {(7, "forced")},
        "127.0.2.10": {(1, "none")},
        "127.0.3.1": {(1, "none")},
    }


def test_forced_sampling_of_held_sets(collector, flows, tmp_path):
    path = write(tmp_path / "weir.conf", SENDERS)
    c = collector("--config", str(path))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.2.8", 0))
        for d in (ipfix(0, record(1)), ipfix(1, TEMPLATE)):
            s.sendto(d, ("127.0.0.1", c.port))
    c.wait_for(flows=1, sets_released=1)
    assert rates(flows, c.store) == {"127.0.2.8": {(100, "forced")}}


@pytest.mark.parametrize("end", ["live", "stop", "kill"])
def test_sighup_changes_forced_sampling_from_then_on(collector, flows, tmp_path, end):
    path = write(tmp_path / "weir.conf", "sender 127.0.2.0/24\n sampling 100\n")
    c = collector("--config", str(path))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.2.8", 0))
        for i, text in enumerate(["sender 127.0.2.0/24\n sampling 50\n", "! nothing\n", ""]):
            s.sendto(v5(i, 1, first_port=1000 + i), ("127.0.0.1", c.port))
            c.wait_for(datagrams=i + 1)
            journal = c.show()["workers"][0]["journal"]["id"]
            if text:
                write(path, text)
                c.process.send_signal(signal.SIGHUP)
                until(lambda: c.show()["workers"][0]["journal"]["id"] != journal, "the next journal")
    if end == "stop":
        c.stop()
    elif end == "kill":
        c.kill()
        collector().stop()
    assert sorted((f["src_port"], f["rate"], f["rate_from"]) for f in flows(c.store)) == [
        (1000, 100, "forced"),
        (1001, 50, "forced"),
        (1002, 1, "none"),
    ]


REJECT = "sender 127.0.2.0/24\n out-of-sequence reject\nsender 127.0.3.0/24\n out-of-sequence log\n"


def shuffled(version):
    """(number in order, datagram): 4 comes after 5, and 2 a second time at the end."""
    made = []
    for i in range(8):
        if version == 5:
            made.append(v5(1000 + 3 * i, 3, first_port=1000 + 3 * i))
        else:
            made.append(ipfix(1000 + 3 * i, TEMPLATE, *(record(1000 + 3 * i + k) for k in range(3))))
    return [made[i] for i in (0, 1, 2, 3, 5, 4, 6, 7, 2)]


@pytest.mark.parametrize("end", ["live", "stop", "kill"])
@pytest.mark.parametrize("version", [5, 10])
def test_what_comes_out_of_sequence_is_rejected(collector, flows, tmp_path, version, end):
    path = write(tmp_path / "weir.conf", REJECT)
    c = collector("--config", str(path))
    for source in ("127.0.2.1", "127.0.3.1"):
        send_from(source, c.port, *shuffled(version))
    c.wait_for(datagrams=18, flows=21 + 27, datagrams_rejected=2, flows_rejected=6, sequence_late=2, sequence_duplicates=2)
    if end == "stop":
        c.stop()
    elif end == "kill":
        c.kill()
        collector().stop()
    ports = {"127.0.2.1": [], "127.0.3.1": []}
    for f in flows(c.store, "--top", "0"):
        ports[f["exporter"]].append(f["src_port"])
    good = [1000 + i for i in range(24)]
    assert sorted(ports["127.0.2.1"]) == [p for p in good if not 1012 <= p < 1015]
    assert sorted(ports["127.0.3.1"]) == sorted([*good, 1006, 1007, 1008])


def test_an_exporter_that_counts_anew_is_not_rejected(collector, flows, tmp_path):
    c = collector("--config", str(write(tmp_path / "weir.conf", REJECT)))
    send_from("127.0.2.1", c.port, *(v5(first + i) for first in (900000, 0) for i in range(5)))
    c.wait_for(datagrams=10, flows=10, sequence_restarts=1)
    assert c.counters()["datagrams_rejected"] == 0


class Syslog:
    """A syslog daemon."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(0.01)
        self.lines = []

    def has(self, text):
        try:
            while True:
                self.lines.append(self.socket.recv(4096).decode())
        except TimeoutError:
            return any(text in line for line in self.lines)


def test_sequence_gaps_go_to_syslog_at_a_limited_rate(collector, tmp_path):
    daemon = Syslog(tmp_path / "log")
    c = collector("--syslog", f"local3@{tmp_path}/log")
    send_from("127.0.0.7", c.port, *(v5(1000 + 20 * i, 10) for i in range(30)))
    c.wait_for(sequence_gaps=29)
    until(lambda: daemon.has("sequence gap"), "the gap")
    assert c.stop() == 0
    until(lambda: daemon.has("stopped after="), "the last line")
    gaps = [line for line in daemon.lines if "sequence gap" in line]
    # local3 is 19, a warning 4
    assert all(line.startswith("<156>") and f" weir[{c.process.pid}]: sequence gap" in line for line in gaps)
    assert 1 <= len(gaps) <= 10
    assert len(gaps) == c.text().count("sequence gap")
    assert any(line.startswith("<158>") and "]: ready store=" in line for line in daemon.lines)


def test_log_levels_change_on_sighup(collector, tmp_path):
    path = write(tmp_path / "weir.conf", "collector\n syslog local0@/nowhere\n")
    c = collector("--config", str(path))
    write(path, "collector\n log quiet\n")
    c.process.send_signal(signal.SIGHUP)
    until(lambda: "settings=syslog" in c.text(), "the log line")
    assert c.stop() == 0
    assert "stopped after=" not in c.text()
