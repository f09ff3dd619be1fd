"""weir probe --store: flows straight into a store, as a collector would have put them."""

import json
import pathlib
import subprocess
import sys

import pytest

import packets
from test_probe import FOREVER as FLAGS
from test_probe import conversations, needs_tshark  # noqa: F401
from test_probe_conf import FOREVER, HERE, RECORD, exporter
from test_probe_live import UNSHARE, may_have_networks


@needs_tshark
def test_a_capture_is_stored_under_its_own_time(run, flows, conversations, tmp_path):
    truth = packets.truth(conversations)
    done = run("probe", "-r", conversations, "--store", tmp_path / "store", *FLAGS)
    have = flows(tmp_path / "store")
    assert packets.same(truth, have) is True
    assert f"{len(truth)} flows are in the store" in done.stderr
    assert {f["version"] for f in have} == {10} and {f["exporter"] for f in have} == {"127.0.0.1"}
    assert (tmp_path / "store/date=2023-11-14/hour=22").is_dir()
    assert json.loads(run("store", "verify", "--json", "--store", tmp_path / "store").stdout)["broken"] == []


@needs_tshark
def test_collectors_get_them_too(run, flows, conversations, tmp_path):
    truth = [f for f in packets.truth(conversations) if ":" not in f["src_addr"]]
    conf = tmp_path / "probe.conf"
    with packets.Listener() as listener:
        conf.write_text(RECORD + exporter("E", listener.port, "option interface-table") + "flow monitor M\n record NETFLOW-RECORD\n exporter E\n" + FOREVER
                        + HERE + " ip flow monitor M input\n")
        run("probe", "-r", conversations, "--config", conf, "--store", tmp_path / "store")
        packets.write(tmp_path / "sent.pcap", listener.datagrams())
    sent, _ = packets.decode(tmp_path / "sent.pcap")
    have = flows(tmp_path / "store")
    assert len(sent) == len(have) == len(truth)
    assert sum(f["packets"] for f in have) == sum(f["packets"] for f in truth)


def test_the_usual_configuration_is_not_asked_what_to_meter(run, flows, conversations, tmp_path, monkeypatch):
    (tmp_path / "weir.conf").write_text("collector\n workers 1\n")
    monkeypatch.setenv("WEIR_CONFIG", str(tmp_path / "weir.conf"))
    run("probe", "-r", conversations, "--store", tmp_path / "store", *FLAGS)
    assert flows(tmp_path / "store")


def test_mistakes_are_explained(run, conversations, tmp_path):
    assert "--to HOST:PORT, or --store DIR" in run("probe", "-r", conversations, status=2).stderr
    assert "letters" in run("probe", "-r", conversations, "--store", tmp_path, "--instance", "../x", status=2).stderr


@pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")
def test_what_is_in_the_journal_survives_a_kill(tmp_path):
    done = subprocess.run([*UNSHARE, sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    r = json.loads(done.stdout)
    assert r["live"] == r["after"] == {str(1000 + i): 1 + i for i in range(20)}
    assert r["status"] == 0 and "journals of an earlier run are now in the store" in r["log"]
    assert "journals of an earlier run are torn" in r["log"]


KILLED = r"""
import json, os, pathlib, signal, socket, subprocess, sys
import conftest
from router import ip
folder = pathlib.Path(sys.argv[1])
store = folder / "store"
ip("link", "set", "lo", "up")
def probe():
    log = open(folder / "log", "w")
    p = subprocess.Popen([conftest.WEIR, "probe", "-i", "lo", "--store", str(store), "--inactive", "1s", "--timeout", "udp=1s", "-f", "udp"], stderr=log)
    conftest.until(lambda: "metering" in (folder / "log").read_text() or p.poll() is not None, "the probe to begin")
    return p
def stored():
    q = subprocess.run([conftest.WEIR, "query", "--store", str(store), "--format", "jsonl", "dst port 9"], capture_output=True, check=True)
    return {f["src_port"]: f["packets"] for f in map(json.loads, q.stdout.splitlines())}
p = probe()
try:
    for i in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 1000 + i))
            for _ in range(1 + i):
                s.sendto(b"x", ("127.0.0.1", 9))
    conftest.until(lambda: len(stored()) == 20, "the flows")
    live = stored()
    p.kill()
    p.wait()
    (journal,) = (store / "journal").glob("*.journal")
    with open(journal, "ab") as f:
        f.write(b"cut off")
    p = probe()
    p.send_signal(signal.SIGTERM)
    status = p.wait(30)
    print(json.dumps({"live": live, "after": stored(), "status": status, "log": (folder / "log").read_text()}))
finally:
    p.kill()
"""
