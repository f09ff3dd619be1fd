"""Applications by nDPI: what flows are exported with, conversation by conversation as nDPI's own reader has it; and their table of names."""

import csv
import ipaddress
import json
import shutil
import subprocess

import pytest

import captures
import packets
from packets import TSHARK
from test_probe import needs_tshark

READER = shutil.which("ndpiReader")
LONG = ("--active", "1w", "--inactive", "1w", "--timeout", "tcp-fin=1w", "--timeout", "tcp-rst=1w", "--template", "1w")


@pytest.fixture(autouse=True)
def built_with_ndpi(run):
    if "libndpi" not in run("--version").stdout:
        pytest.skip("this weir was built without nDPI")


def traffic():
    return sorted(captures.CAPTURES.glob("traffic-*/*.pcap"))


def ends(a, a_port, b, b_port, proto):
    """Both directions are one; only TCP and UDP have ports."""
    ports = (a_port, b_port) if proto in (6, 17) else (0, 0)
    return (proto, *sorted(((a, ports[0]), (b, ports[1]))))


def read_by_ndpi(path, out):
    """The application of each conversation; "master.application", or one of them."""
    subprocess.run([READER, "-q", "-i", path, "-C", out], capture_output=True, check=True)
    found = {}
    with open(out, newline="") as f:
        for row in csv.DictReader(f):
            key = ends(address(row["src_ip"]), int(row["src_port"]), address(row["dst_ip"]), int(row["dst_port"]), int(row["protocol"]))
            found.setdefault(key, set()).add(int(row["ndpi_proto_num"].split(".")[-1]))
    return found


def address(text):
    return str(ipaddress.ip_address(text))


@needs_tshark
@pytest.mark.skipif(not READER, reason="no ndpiReader here")
@pytest.mark.skipif(not traffic(), reason="no captures of traffic here")
@pytest.mark.parametrize("path", traffic(), ids=lambda p: p.parent.name)
def test_conversations_are_what_ndpis_reader_says(run, path, tmp_path):
    with packets.Listener() as listener:
        run("probe", "-r", path, "--to", f"127.0.0.1:{listener.port}", "--applications", *LONG)
        packets.write(tmp_path / "sent.pcap", listener.datagrams())
    flows, other = packets.decode(tmp_path / "sent.pcap")
    assert other["malformed"] == 0 == other["expert"]
    ours = {}
    for f in flows:
        ours.setdefault(ends(f["src_addr"], f["src_port"], f["dst_addr"], f["dst_port"], f["proto"]), set()).add(f["application"])
    theirs = read_by_ndpi(path, tmp_path / "theirs.csv")
    assert {f["application_engine"] for f in flows} == {13}
    compared = [k for k in theirs if k in ours]
    assert len(compared) == len(theirs) or len(compared) > 0.9 * len(theirs)
    different = {k: (ours[k], theirs[k]) for k in compared if ours[k] != theirs[k]}
    assert not different


@pytest.fixture
def zoom():
    path = captures.CAPTURES / "traffic-ndpi-zoom2" / "traffic-ndpi-zoom2.pcap"
    if not path.exists():
        pytest.skip("no such capture here")
    return path


@needs_tshark
@pytest.mark.parametrize("version", ("netflow-v9", "ipfix"))
def test_names_go_in_a_table_that_collectors_understand(run, zoom, tmp_path, version):
    with packets.Listener() as listener:
        conf = tmp_path / "probe.conf"
        conf.write_text("flow record R\n match ipv4 source address\n match ipv4 destination address\n collect application name\n collect counter packets\n"
                        f"flow exporter E\n destination 127.0.0.1\n transport udp {listener.port}\n export-protocol {version}\n option application-table\n"
                        "flow monitor M\n record R\n exporter E\ninterface eth0\n ip flow monitor M input\n")
        done = run("probe", "-r", zoom, "--config", conf)
        packets.write(tmp_path / "sent.pcap", listener.datagrams())
    assert "not known" not in done.stderr
    rows = subprocess.run([TSHARK, "-n", "-r", tmp_path / "sent.pcap", "-d", "udp.port==2055,cflow", "-T", "fields", "-e", "cflow.appl_name", "-e",
                           "cflow.appl_desc", "-e", "cflow.appl_id.selector_id"], capture_output=True, text=True, check=True).stdout
    assert "Zoom" in rows and "Video" in rows and "0000bd" in rows  # 189


def test_our_collector_shows_the_name(run, collector, flows, zoom):
    c = collector()
    run("probe", "-r", zoom, "--to", f"127.0.0.1:{c.port}", "--version", "ipfix", "--applications")
    c.wait_for(flows=8)
    names = run("show", "names", "--store", c.store).stdout
    assert c.stop() == 0
    rows = flows(c.store)
    assert {(r["app_engine"], r["app_selector"]) for r in rows} == {(13, 189)}
    assert any("13:189" in line and "Zoom" in line and "Video" in line for line in names.splitlines()), names


def test_as_a_key_it_is_what_was_known_at_each_packet(run, zoom, tmp_path):
    with packets.Listener() as listener:
        conf = tmp_path / "probe.conf"
        conf.write_text("flow record R\n match application name\n collect counter packets long\n"
                        f"flow exporter E\n destination 127.0.0.1\n transport udp {listener.port}\n export-protocol ipfix\n"
                        "flow monitor M\n record R\n exporter E\n cache timeout inactive 604800\n cache timeout active 604800\ninterface eth0\n ip flow monitor M input\n")
        run("probe", "-r", zoom, "--config", conf)
        data = [d for d in listener.datagrams()]
    records = {}
    for d in data:
        at = 16
        while at < len(d):
            number, length = int.from_bytes(d[at:at + 2], "big"), int.from_bytes(d[at + 2:at + 4], "big")
            for i in range(at + 4, at + length, 12) if number == 256 else ():
                records[int.from_bytes(d[i:i + 4], "big")] = int.from_bytes(d[i + 4:i + 12], "big")
            at += length
    assert sum(records.values()) == 342 and set(records) >= {13 << 24, 13 << 24 | 189} and records[13 << 24 | 189] > 200


def test_versions_without_a_place_for_it(run, zoom):
    assert "--applications: NetFlow v5 cannot say them" in run("probe", "-r", zoom, "--to", "127.0.0.1:9", "--version", "5", "--applications", status=2).stderr
