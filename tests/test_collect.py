"""weir collect, import, replay, show: from the socket to the sealed file."""

import os
import pathlib
import signal
import socket
import subprocess

import pytest

import captures
from conftest import TEMPLATE, ipfix, record, until, v5


def parquet(store):
    return sorted(pathlib.Path(store).glob("date=*/hour=*/*.parquet"))


def leftovers(store):
    return sorted(pathlib.Path(store).glob("date=*/hour=*/.*"))


def journals(store):
    return sorted(pathlib.Path(store).glob("journal/*"))


def ports(records):
    return sorted(r["src_port"] for r in records)


def test_stop_seals_everything_and_says_so(collector):
    c = collector()
    c.send(*[v5(30 * i, 30) for i in range(10)])
    c.wait_for(datagrams=10)
    assert not parquet(c.store)
    assert c.stop() == 0
    assert len(parquet(c.store)) == 1
    assert not leftovers(c.store)
    last = c.text().splitlines()[-1]
    assert "stopped" in last and "datagrams=10 flows=300 stored=300 files=1" in last


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_is_still_in_the_socket_is_stored(collector, how):
    c = collector()
    c.process.send_signal(signal.SIGSTOP)
    c.send(*[v5(i) for i in range(200)])
    c.process.send_signal(how)
    c.process.send_signal(signal.SIGCONT)
    assert c.process.wait(20) == 0
    assert "datagrams=200 flows=200 stored=200" in c.text()


def test_journals_end_by_age_and_go(collector):
    c = collector("--seal-every", "1s")
    c.send(v5(0, 7))
    c.wait_for(files_sealed=1, flows_stored=7)
    assert len(parquet(c.store)) == 1
    status = c.show()
    assert status["workers"][0]["journal"]["datagrams"] == 0
    assert [j.stem for j in journals(c.store)] == [w["journal"]["id"] for w in status["workers"]]


def test_journals_end_by_size(collector):
    c = collector("--journal-size", "65536")
    for batch in range(4):
        c.send(*[v5(30 * i, 30) for i in range(50)])  # 73,200 octets
        c.wait_for(datagrams=50 * (batch + 1))
    c.wait_for(files_sealed=3)
    assert c.stop() == 0
    assert "flows=6000 stored=6000" in c.text()


def test_killed_and_started_again(collector):
    c = collector()
    c.send(*[v5(i) for i in range(50)])
    c.wait_for(journal_frames=50)
    c.kill()
    assert not parquet(c.store)
    with collector() as again:
        assert again.counters()["flows_recovered"] == 50
        assert again.counters()["journal_recovered"] == 1
        assert len(parquet(c.store)) == 1
        assert not leftovers(c.store)


def test_a_torn_journal_keeps_what_is_before(collector):
    c = collector()
    c.send(*[v5(i) for i in range(50)])
    c.wait_for(journal_frames=50)
    c.kill()
    (journal,) = journals(c.store)
    os.truncate(journal, journal.stat().st_size - 10)
    again = collector()
    assert again.counters()["flows_recovered"] == 49
    assert again.counters()["journals_torn"] == 1


def test_templates_survive_a_restart_and_a_crash(collector):
    c = collector()
    c.send(ipfix(0, TEMPLATE))
    c.wait_for(templates=1)
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        c.stop(how)
        c = collector()
        # From another port: the template is that sender's, and borrowed.
        c.send(ipfix(0, record(5)))
        c.wait_for(flows=1)


def test_a_flow_is_seen_the_moment_it_is_received(collector, flows):
    c = collector("--seal-every", "1s")
    sent = []
    for i in range(40):
        c.send(v5(i, first_port=i))
        c.wait_for(datagrams=i + 1)
        sent.append(i)
        assert ports(flows(c.store)) == sent
    c.stop()
    assert ports(flows(c.store)) == sent


def test_kill_at_any_time_loses_nothing_and_doubles_nothing(collector, flows):
    sent = []
    for turn in range(6):
        c = collector("--seal-every", "1s", "--journal-size", "65536")
        for i in range(60):
            c.send(v5(i, 20, first_port=len(sent)))
            sent += range(len(sent), len(sent) + 20)
        c.wait_for(journal_frames=60)
        c.kill()
        assert ports(flows(c.store)) == sent
    collector()
    assert ports(flows(c.store)) == sent
    assert not leftovers(c.store)


def test_ipfix_over_tcp(collector):
    c = collector()
    with socket.create_connection(("127.0.0.1", c.tcp_port)) as s:
        stream = ipfix(0, TEMPLATE) + ipfix(0, record(1), record(2)) + ipfix(2, record(3))
        for at in range(0, len(stream), 7):
            s.sendall(stream[at : at + 7])
        c.wait_for(flows=3)
        assert c.show()["tcp_sessions"] == 1
    until(lambda: c.show()["tcp_sessions"] == 0, "the session's end")
    with socket.create_connection(("127.0.0.1", c.tcp_port)) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert s.recv(10) == b""
    assert c.counters()["tcp_broken"] == 1
    assert c.counters()["tcp_sessions"] == 2
    c.stop()
    assert "flows=3 stored=3" in c.text()


def test_ipv6(collector):
    c = collector("--listen", "[::1]:0")
    port = int(c.show()["listeners"][1]["udp"].rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.sendto(v5(0, 3), ("::1", port))
    c.wait_for(flows=3)


def test_a_taken_port_is_named_with_its_owner(collector, run):
    c = collector()
    r = run("collect", "--listen", f"127.0.0.1:{c.port}", "--store", f"{c.store}2", status=2)
    assert f"taken by weir (pid {c.process.pid})" in r.stderr
    r = run("collect", "--listen", "127.0.0.1:0", "--store", c.store, status=2)
    assert "--instance" in r.stderr


def test_two_collectors_share_a_store(collector):
    a = collector()
    b = collector("--instance", "second")
    a.send(v5(0, 2))
    b.send(v5(0, 3))
    a.wait_for(flows=2)
    assert a.stop() == 0
    until(lambda: "flows=2 stored=2" in a.text(), "the first")
    assert b.stop() == 0
    assert "flows=3 stored=3" in b.text()
    assert len(parquet(a.store)) == 2


def test_garbage_is_counted(collector):
    c = collector()
    c.send(b"", b"x", b"hello, world", v5(0)[:-1], v5(0, 2) + b"more")
    c.wait_for(datagrams=5)
    n = c.counters()
    assert n["bad_version"] + n["bad_header"] >= 3
    assert c.process.poll() is None


def test_kernel_drops_and_received_make_what_was_sent(collector):
    c = collector("--rcvbuf", "8192")
    c.process.send_signal(signal.SIGSTOP)
    c.send(*[v5(i, 30) for i in range(300)])
    c.process.send_signal(signal.SIGCONT)
    until(lambda: (lambda n: n["datagrams"] + n["kernel_drops"] == 300)(c.counters()), "all 300")
    assert c.counters()["kernel_drops"] > 0


def test_show_as_a_table(collector, run):
    c = collector()
    c.send(v5(0, 4))
    c.wait_for(flows=4)
    assert "Flows: 4 received" in run("show", "collect", "--store", c.store).stdout
    assert "flow records decoded" in run("show", "counters", "--store", c.store).stdout
    c.stop()
    assert "no collector runs" in run("show", "collect", "--store", c.store, status=1).stderr


def test_import_puts_flows_under_the_hours_of_their_datagrams(tmp_path, run):
    bare = tmp_path / "bare"
    later = bytearray(v5(1, 3))
    early = bytearray(v5(0, 2))
    early[8:12] = (1700000000).to_bytes(4, "big")  # 2023-11-14T22:13:20Z
    later[8:12] = (1700003600).to_bytes(4, "big")
    bare.write_bytes(early + later + early)
    r = run("import", "--store", tmp_path / "store", bare)
    assert "imported 7 flows of 3 datagrams" in r.stderr
    places = [str(p.parent.relative_to(tmp_path / "store")) for p in parquet(tmp_path / "store")]
    assert places == ["date=2023-11-14/hour=22", "date=2023-11-14/hour=23"]
    assert not leftovers(tmp_path / "store")
    assert not list((tmp_path / "store/run").iterdir())


def test_an_import_that_fails_leaves_nothing(tmp_path, run):
    bare = tmp_path / "bare"
    bare.write_bytes(v5(0, 2))
    r = run("import", "--store", tmp_path / "store", bare, tmp_path / "missing", status=1)
    assert "missing" in r.stderr
    assert not parquet(tmp_path / "store")
    assert not leftovers(tmp_path / "store")


@pytest.mark.skipif(not captures.with_expectation(), reason="no ../shared/captures here")
def test_replay_import_and_collect_agree(tmp_path, collector, run):
    pcap = captures.pcap("ipfix-pmacct-401-multi")
    c = collector()
    r = run("replay", pcap, "--to", f"127.0.0.1:{c.port}", "--rate", "20k")
    assert "sent 1218 datagrams" in r.stderr
    c.wait_for(datagrams=1218)
    c.stop()
    r = run("import", "--store", tmp_path / "imported", pcap)
    assert "flows=1464" in c.text()
    assert "imported 1464 flows of 1218 datagrams" in r.stderr


def test_replay_keeps_the_recorded_time(tmp_path, collector, run):
    bare = tmp_path / "bare"
    second = bytearray(v5(1))
    first = bytearray(v5(0))
    first[8:12] = (1700000000).to_bytes(4, "big")
    second[8:12] = (1700000002).to_bytes(4, "big")
    bare.write_bytes(first + second)
    c = collector()
    to = f"127.0.0.1:{c.port}"
    assert " in 1.0 s" in run("replay", bare, "--to", to, "--speed", "2").stderr
    assert "sent 6 datagrams" in run("replay", bare, "--to", to, "--speed", "0", "--loop", "3").stderr
    c.wait_for(datagrams=8)


def test_replay_to_nobody_says_so(tmp_path, run):
    bare = tmp_path / "bare"
    bare.write_bytes(v5(0) * 3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    assert "nobody listens" in run("replay", bare, "--to", f"127.0.0.1:{port}", "--rate", "100", status=1).stderr


def test_standard_input(tmp_path, weir):
    done = subprocess.run(
        [weir, "import", "--store", str(tmp_path / "store"), "-"], input=v5(0, 5) * 2, capture_output=True, check=True
    )
    assert b"imported 10 flows of 2 datagrams" in done.stderr
