"""Flows as JSON lines besides the store: all of them, whole, and never at the expense of receiving."""

import json
import os
import random
import signal
import socket
import subprocess

import mixed
import pytest
from conftest import PATIENCE_S, TEMPLATE, ipfix, record, until, v5

SEED = int(os.environ.get("WEIR_SEED", "7"))


def stored(run, store):
    """What `weir query` lists, line by line as it is."""
    return sorted(run("query", "--store", store, "--format", "jsonl", "--raw", "kind any").stdout.splitlines())


def lines_of(*paths):
    return sorted(line for path in paths for line in path.read_text().splitlines())


class Reader:
    """Listens at a Unix socket, takes one program at a time, and reads when told."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(PATIENCE_S)
        self.lines, self.rest, self.connection = [], b"", None

    def accept(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(0.01)
        self.rest = b""

    def read(self):
        """What is there now; the number of lines until now."""
        try:
            while data := self.connection.recv(1 << 16):
                *lines, self.rest = (self.rest + data).split(b"\n")
                self.lines += [line.decode() for line in lines]
        except TimeoutError:
            pass
        return len(self.lines)

    def leave(self):
        self.connection.close()

    def close(self):
        self.listener.close()
        self.path.unlink()


def send_flows(c, n, first=0):
    """n flows in datagrams of 30, none of which the kernel drops."""
    for at in range(first, first + n, 300):
        c.send(*(v5(i, 30, i) for i in range(at, at + 300, 30)))
        if at % 9000 == 0:
            c.wait_for(flows=at + 300)
    c.wait_for(flows=first + n)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_every_flow_is_as_the_query_lists_it(collector, run, tmp_path, workers):
    to = tmp_path / "flows.jsonl"
    c = collector("--json-lines", str(to), "--workers", workers)
    chance = random.Random(SEED)
    c.send(v5(0, 30), ipfix(0, TEMPLATE, record(1)), ipfix(1, (999, b"without a template")))
    made = [datagram for _, datagram, _ in mixed.datagrams(chance, 300)]
    c.send(*made)
    c.wait_for(datagrams=3 + len(made))
    until(lambda: lines_of(to) == stored(run, c.store), "all lines")  # live, before anything is full
    assert c.stop() == 0
    have = stored(run, c.store)
    assert len(have) > 300 and lines_of(to) == have
    assert f"JSON lines end flows={len(have)} lost=0" in c.text()


def test_what_is_in_hand_at_the_end_is_written(collector, run, tmp_path):
    to = tmp_path / "flows.jsonl"
    c = collector("--json-lines", str(to))
    c.process.send_signal(signal.SIGSTOP)
    c.send(*(v5(i, 30, i) for i in range(0, 9000, 30)))
    c.process.send_signal(signal.SIGCONT)
    assert c.stop() == 0
    assert len(lines_of(to)) == 9000
    assert lines_of(to) == stored(run, c.store)


def test_standard_output_is_a_file_or_a_pipe(collector, run, tmp_path):
    with open(tmp_path / "out", "w") as out:
        c = collector("--json-lines", "-", stdout=out)
        send_flows(c, 9000)
        assert c.stop() == 0
    assert lines_of(tmp_path / "out") == stored(run, c.store)
    other = collector("--json-lines", "-", stdout=subprocess.PIPE, store=tmp_path / "other")
    other.send(*(v5(i, 30, i) for i in range(0, 3000, 30)))
    out = [other.process.stdout.readline().decode().rstrip() for _ in range(3000)]
    assert sorted(out) == stored(run, other.store)


def test_a_closed_pipe_costs_only_lines(collector, run, tmp_path):
    c = collector("--json-lines", "-", stdout=subprocess.PIPE)
    c.process.stdout.close()
    send_flows(c, 3000)
    c.wait_for(json_lines_lost=3000)
    assert "nobody reads standard output" in c.text()
    assert "json_lines_lost" in run("show", "drops", "--store", c.store).stdout
    assert c.stop() == 0
    assert len(stored(run, c.store)) == 3000


def test_a_slow_reader_holds_up_nothing(collector, run, tmp_path):
    reader = Reader(tmp_path / "socket")
    c = collector("--json-lines", f"unix:{reader.path}")
    reader.accept()
    send_flows(c, 99000)  # it reads nothing
    c.wait_for(json_lines_lost=1)
    assert c.counters()["kernel_drops"] == 0
    until(lambda: reader.read() == 99000 - c.counters()["json_lines_lost"], "what was kept for it")
    c.send(v5(99000, 30, 5))
    until(lambda: reader.read() == 99030 - c.counters()["json_lines_lost"], "what comes when it is fast again")
    assert c.stop() == 0
    have = stored(run, c.store)
    assert len(have) == 99030
    assert set(reader.lines) <= set(have) and len(set(reader.lines)) == len(reader.lines)


def test_a_reader_that_never_reads_does_not_keep_it_from_ending(collector, tmp_path):
    reader = Reader(tmp_path / "socket")
    c = collector("--json-lines", f"unix:{reader.path}")
    reader.accept()
    send_flows(c, 9000)
    assert c.stop() == 0
    assert reader.read() > 0


@pytest.mark.parametrize("listens", [True, False])
def test_a_reader_that_comes_back_misses_nothing(collector, run, tmp_path, listens):
    """It may leave its connection, or be gone with its socket."""
    c = collector("--json-lines", f"unix:{tmp_path / 'socket'}")
    assert "nobody listens yet" in c.text()
    send_flows(c, 3000)
    reader = Reader(tmp_path / "socket")
    reader.accept()
    until(lambda: reader.read() == 3000, "flows of before")
    reader.leave()
    if not listens:
        reader.close()
    send_flows(c, 3000, first=3000)
    until(lambda: "the reader has gone" in c.text(), "the log line")
    again = reader if listens else Reader(tmp_path / "socket")
    again.accept()
    until(lambda: again.read() and len(set(reader.lines) | set(again.lines)) == 6000, "flows of meanwhile")
    assert c.stop() == 0
    assert sorted(set(reader.lines + again.lines)) == stored(run, c.store)
    assert len(again.lines) + (0 if listens else 3000) == 6000
    assert c.text().count("JSON lines end flows=6000 lost=0") == 1


def test_a_full_disk_costs_only_lines_until_there_is_room(collector, run, tmp_path):
    to = tmp_path / "flows.jsonl"
    to.symlink_to("/dev/full")
    c = collector("--json-lines", str(to))
    send_flows(c, 3000)
    c.wait_for(json_lines_lost=3000)
    assert "No space left on device" in c.text()
    to.unlink()
    c.process.send_signal(signal.SIGHUP)
    until(to.exists, "the new file")
    send_flows(c, 300, first=3000)
    c.wait_for(json_lines=300)
    assert c.stop() == 0
    have = stored(run, c.store)
    assert len(have) == 3300 and set(lines_of(to)) <= set(have) and len(lines_of(to)) == 300


def test_the_file_may_be_moved_away(collector, run, tmp_path):
    """As logrotate does: rename, then SIGHUP."""
    to, old = tmp_path / "flows.jsonl", tmp_path / "flows.jsonl.1"
    c = collector("--json-lines", str(to))
    send_flows(c, 3000)
    to.rename(old)
    c.process.send_signal(signal.SIGHUP)
    until(to.exists, "the new file")
    send_flows(c, 3000, first=3000)
    assert c.stop() == 0
    assert lines_of(old, to) == stored(run, c.store)
    assert to.stat().st_mode & 0o007 == 0


def test_the_configuration_says_it_too(collector, run, tmp_path):
    config = tmp_path / "weir.conf"
    to = tmp_path / "flows.jsonl"
    config.write_text(f"collector\n json {to}\n")
    c = collector("--config", str(config))
    c.send(v5(0, 3))
    c.wait_for(json_lines=3)
    assert [json.loads(line)["src_port"] for line in lines_of(to)] == [1000, 1001, 1002]
    config.write_text("collector\n no json\n")
    c.process.send_signal(signal.SIGHUP)
    until(lambda: "needs a restart settings=json" in c.text(), "the log line")
    config.write_text(f"collector\n json unix:/{'x' * 200}\n")
    assert f"{config}:2:7: the path of a socket has at most 107 octets" in run("check", config, status=2).stderr


def test_a_filter_chooses(collector, run, tmp_path):
    config = tmp_path / "weir.conf"
    config.write_text("collector\n json-filter filter odd and src port < 2000\nfilter odd src port in [1001, 1003, 2001]\n")
    to = tmp_path / "flows.jsonl"
    c = collector("--config", str(config), "--json-lines", str(to))
    c.send(v5(0, 30), v5(30, 30, 1990))
    c.wait_for(flows=60, json_lines=2)
    assert c.stop() == 0
    selected = run("query", "--store", c.store, "--format", "jsonl", "--raw", "src port in [1001, 1003]")
    assert lines_of(to) == sorted(selected.stdout.splitlines())
    assert "JSON lines end flows=2 lost=0" in c.text()


@pytest.mark.parametrize(
    "text, why",
    [
        ("! one\ncollector\n json -\n json-filter src prt 1\n", "{}:4:14: "),
        ("collector\n json -\n json-filter filter none\n", "{}:3:21: "),
    ],
)
def test_a_wrong_filter_has_its_place(run, tmp_path, text, why):
    config = tmp_path / "weir.conf"
    config.write_text(text)
    assert why.format(config) in run("check", config, status=2).stderr
    assert why.format(config) in run("collect", "--config", config, "--store", tmp_path / "store", status=2).stderr


def test_a_filter_without_a_target_is_a_mistake(run, tmp_path):
    said = run("collect", "--json-filter", "proto tcp", "--store", tmp_path / "store", status=2).stderr
    assert "expected --json-lines" in said
    said = run("collect", "--json-lines", "-", "--json-filter", "proto nix", "--store", tmp_path / "store", status=2).stderr
    assert "--json-filter: column 7: " in said


def test_a_file_that_cannot_be_opened_is_said(collector, tmp_path):
    c = collector("--json-lines", str(tmp_path / "none" / "flows.jsonl"), may_fail=True)
    assert c.process.wait(PATIENCE_S) == 1
    assert "none/flows.jsonl: No such file or directory" in c.text()
