"""weir show and weir clear in the routers' words, of a probe at work: caches, aggregations, top talkers, exporters, as text and as JSON."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

from test_probe_live import UNSHARE, may_have_networks

pytestmark = pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each command said: (standard output, standard error, status)."""
    done = subprocess.run([*UNSHARE, sys.executable, "-c", ASKED, str(tmp_path_factory.mktemp("shown"))], capture_output=True, text=True,
                          cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def text(said, command):
    out, err, status = said[command]
    assert status == 0 and err == "", err
    return out


def test_the_cache_has_sizes_protocols_and_flows(said):
    t = text(said, "ip cache flow")
    assert "IP packet size distribution (66 total packets):" in t
    # a third each of 28, 48 and 68 octets
    assert re.search(r"1-32   64   96 .*\n *\.333 \.333 \.333 \.000", t)
    assert re.search(r"21 active, \d+ inactive, 21 added", t) and "last clearing of statistics never" in t
    assert "Active flows timeout in 7 minutes\n  Inactive flows timeout in 12 seconds" in t
    assert re.search(r"^lo +192\.168\.8\.1 +- +172\.16\.7\.1 +11 03E8 0035 +1$", t, re.M)
    assert len(re.findall(r"^lo ", t, re.M)) == 21


def test_the_verbose_cache_has_as_numbers_masks_and_bgps_next_hop(said):
    """AS 65008 behind 65006, as a router in AS 65234 sees it, towards 65007."""
    t = text(said, "ip cache verbose flow")
    assert re.search(r"SrcIf +SrcIPaddress +DstIf +DstIPaddress +Pr TOS Flgs +Pkts\nPort Msk AS +Port Msk AS +NextHop +B/Pk +Active", t)
    assert re.search(r"^lo +192\.168\.8\.1 +- +172\.16\.7\.1 +11 00  00 +1\n03E8 /24 65008 +0035 /16 65007 +\S+ +28 +0\.0\nBGP:10\.246\.255\.2$", t, re.M)


def test_top_talkers_are_the_largest_that_match(said):
    t = text(said, "ip flow top-talkers")
    rows = [(m[1], int(m[2])) for m in re.finditer(r"^lo +(\S+) +- +172\.16\.7\.1 +11 [0-9A-F]{4} 0035 +(\d+)$", t, re.M)]
    assert len(rows) == 4 and [b for _, b in rows] == sorted((b for _, b in rows), reverse=True) and rows[0][1] == 6 * 68
    assert "4 of 21 top talkers shown. 21 flows processed." in t
    assert [f["counter bytes long"] for f in json.loads(text(said, "--json ip flow top-talkers"))] == [b for _, b in rows]


def test_exports_interfaces_records_and_samplers(said):
    t = text(said, "ip flow export")
    assert "Flow export v5 is enabled for main cache\n  Exporting flows to 127.0.0.1 (9)" in t and "v5 flow records, origin-as bgp-nexthop" in t
    assert "Flow export v8 is enabled for ip flow aggregation as" in t
    assert text(said, "ip flow interface") == "lo\n  ip flow monitor M input\n  ip flow monitor M output\n  ip flow monitor B input\n  ip flow ingress\n"
    assert "traffic(ip):      on\n        sampler:          S\n" in text(said, "flow interface lo") and text(said, "flow interface eth9") == ""
    assert "Type:           random\n  Rate:           1 out of 2\n  Users:\n    flow monitor M (ip,lo, output)\n" in text(said, "sampler S")
    assert "flow record netflow-original:\n  No. of users:       1\n  Total field space:  53 bytes\n  Fields:\n    match ipv4 tos\n" in text(said, "flow record")
    t = text(said, "flow exporter E")
    assert "Export protocol:          NetFlow Version 9" in t and "Destination Port:       9\n" in t and "interface-table (timeout 600 seconds)" in t
    assert "Client: Flow Monitor M\n" in text(said, "flow exporter E statistics")
    t = text(said, "flow exporter E templates")
    assert "Template ID:     256\n    Record Size:     53" in t and re.search(r"\| src_addr +\| +8 \| +2 \| +4 \|", t)


def test_a_monitors_cache_in_each_format_filtered_sorted_and_added_up(said):
    t = text(said, "flow monitor M cache sort highest counter bytes top 2")
    assert re.search(r"Current entries: +\d+\n", t) and t.count("IPV4 SOURCE ADDRESS:") == 2 and "transport tcp flags:" in t
    csv = text(said, "flow monitor M cache filter interface input lo and counter packets gt 5 and ipv4 source address 192.168.8.0/24 format csv").splitlines()
    assert csv[0].startswith("IPV4 TOS,IPV4 PROTOCOL,IPV4 SOURCE ADDRESS") and len(csv) == 1 + 3
    rows = json.loads(text(said, "--json flow monitor M cache filter interface input lo aggregate ipv4 destination address sort counter packets"))
    assert [(r["ipv4 destination address"], r["counter packets"], r["counter flows"]) for r in rows] == [("172.16.7.1", 66, 21)]
    assert "IPV4 DESTINATION ADDRESS  COUNTER BYTES    COUNTER PACKETS" in text(
        said, "flow monitor M cache aggregate ipv4 destination address format table").replace("TRANSPORT TCP FLAGS  ", "")
    assert "IP packet size distribution (" in text(said, "flow monitor M statistics")
    assert len(text(said, "flow monitor B cache format csv").splitlines()) == 1 + 66  # each packet's identification is its own


def test_what_is_wrong_is_said(said):
    for command, status, words in (
            ("flow monitor N cache", 1, 'there is no flow monitor N; there are: "M", "B", "ip flow", "ip flow aggregation as"'),
            ("flow monitor M cache filter counter byes 3", 2, 'column 8: expected a field of the record, as "counter bytes"'),
            ("ip flow", 2, "column 8: expected export or interface or top-talkers, found the end of the line"),
            ("ip cache flow aggregation prefix", 1, "no aggregation cache prefix is enabled")):
        out, err, got = said[command]
        assert (out, got) == ("", status) and words in err, (command, err)
    assert "there is nothing to clear that is called N" in said["clear flow monitor N"][1]


def test_questions_that_nobody_asks_harm_nothing(said):
    raw = {k: v[0] for k, v in said.items() if k.startswith("raw ")}
    assert len(raw) == 9 and all(json.loads(v) for v in raw.values())
    assert json.loads(raw["raw flows 0 4000000000 M"])["records"] == 0 == json.loads(raw["raw flows 9 0 M"])["records"]
    assert all("error" in raw[k] for k in ("raw flows x", "raw flows 0 0", "raw clear", "raw clear flow monitor  cache"))


def test_clearing_begins_anew_and_lets_flows_go(said):
    before, after = json.loads(text(said, "--json flow monitor M")), json.loads(text(said, "after clear: --json flow monitor M"))
    assert (before["added"] > 0, after["added"], after["flows"]) == (True, 0, 0) and "cleared_ms" in after
    t = text(said, "after clear: ip cache flow")
    assert "(0 total packets)" in t and "21 active" in t and " 0 added" in t and "last clearing of statistics never" not in t
    assert json.loads(text(said, "after clear: --json flow exporter E"))["records"] > 0  # what was cleared went out
    t = text(said, "after the end: ip cache flow aggregation as")
    assert re.search(r"^lo +65008 +- +65007 +21 +66 +\d+ +0\.0$", t, re.M)
    assert re.search(r"^UDP-DNS +21 +\d+\.\d +3 +48 ", text(said, "after the end: ip cache flow"), re.M)
    assert json.loads(text(said, "--json probe"))["routes"] == {"prefixes": 2, "left_out": 0, "broken": 0} | {
        "bytes": json.loads(text(said, "--json probe"))["routes"]["bytes"]}


ASKED = r"""
import json, os, pathlib, signal, socket, subprocess, sys
import conftest, mrt
from router import ip
folder = pathlib.Path(sys.argv[1])
os.environ["RUNTIME_DIRECTORY"] = str(folder)
ip("link", "set", "lo", "up")
for net in ("192.168.8.0/24", "172.16.0.0/16"):
    ip("route", "add", "local", net, "dev", "lo")
(folder / "rib").write_bytes(mrt.dump(("192.168.8.0/24", "10.246.254.2", 65006, 65008), ("172.16.0.0/16", "10.246.255.2", 65007)))
(folder / "conf").write_text(f'''
rib {folder}/rib
interface lo
 ip flow ingress
!
ip flow-export version 5 origin-as bgp-nexthop
ip flow-export destination 127.0.0.1 9
ip flow-cache timeout active 7
ip flow-cache timeout inactive 12
ip flow-aggregation cache as
 export destination 127.0.0.1 9
 enabled
ip flow-top-talkers
 top 4
 sort-by bytes
 cache-timeout 100
 match protocol udp
 match destination port 53
 match source address 192.168.8.0 /24
flow exporter E
 destination 127.0.0.1
 transport udp 9
 option interface-table
flow monitor M
 record netflow-original
 exporter E
 statistics packet size
sampler S
 mode random 1 out-of 2
flow record BIG
 match ipv4 source address
 match transport source-port
 match ipv4 section header size 1200
 collect ipv4 section payload size 1200
flow monitor B
 record BIG
interface lo
 ip flow monitor M input
 ip flow monitor M sampler S output
 ip flow monitor B input
''')
with open(folder / "log", "w") as log:
    p = subprocess.Popen([conftest.WEIR, "probe", "--config", folder / "conf", "--instance", "mine", "-f", "dst net 172.16.0.0/16"], stderr=log)
said = {}
def ask(words, name=None):
    first, *rest = words.split()
    command = [conftest.WEIR, "clear", "--instance", "mine", *rest] if first == "clear" else [conftest.WEIR, "show", "--instance", "mine", first, *rest]
    done = subprocess.run(command, capture_output=True, text=True)
    said[name or words] = (done.stdout, done.stderr, done.returncode)
    return done.stdout
try:
    conftest.until(lambda: "metering" in (folder / "log").read_text() or p.poll() is not None, "the probe to begin")
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("172.16.7.1", 53))
    for i in range(21):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((f"192.168.8.{1 + i % 3}", 1000 + i))
            for k in range(max(i % 7, 1)):
                s.sendto(b"x" * 20 * (i % 3), ("172.16.7.1", 53))
    conftest.until(lambda: json.loads(ask("--json flow monitor M"))["added"] >= 21 and json.loads(ask("--json probe"))["counters"]["flows_metered"] >= 42, "the flows")
    for words in ("ip cache flow", "ip cache verbose flow", "ip flow top-talkers", "--json ip flow top-talkers", "ip flow export", "ip flow interface", "flow interface lo",
                  "flow interface eth9", "sampler S", "flow record", "flow exporter E", "flow exporter E statistics", "flow exporter E templates",
                  "flow monitor M cache sort highest counter bytes top 2",
                  "flow monitor M cache filter interface input lo and counter packets gt 5 and ipv4 source address 192.168.8.0/24 format csv",
                  "--json flow monitor M cache filter interface input lo aggregate ipv4 destination address sort counter packets",
                  "flow monitor M cache aggregate ipv4 destination address format table", "flow monitor M statistics", "flow monitor B cache format csv",
                  "flow monitor N cache", "flow monitor M cache filter counter byes 3", "ip flow", "ip cache flow aggregation prefix", "clear flow monitor N"):
        ask(words)
    for line in ("flows 0 4000000000 M", "flows 0 4294967295 M", "flows 9 0 M", "flows 99999999999999999999 1 M", "flows x", "flows 0 0", "clear", "clear flow monitor  cache", "flows 0 0 " + "M" * 900):
        with socket.socket(socket.AF_UNIX) as s:  # what nobody's weir asks
            s.connect(str(folder / "mine.sock"))
            s.sendall(line.encode() + b"\n")
            said["raw " + line] = (s.makefile("rb").read().decode("utf-8", "replace").splitlines()[0], "", 0)
    ask("clear flow monitor M cache")
    ask("clear ip flow stats")
    ask("--json flow monitor M", "after clear: --json flow monitor M")
    ask("ip cache flow", "after clear: ip cache flow")
    conftest.until(lambda: json.loads(ask("--json flow exporter E", "after clear: --json flow exporter E"))["records"] > 0, "the export")
    conftest.until(lambda: "UDP-DNS" in ask("ip cache flow", "after the end: ip cache flow"), "flows to end", 60)
    conftest.until(lambda: "65008" in ask("ip cache flow aggregation as", "after the end: ip cache flow aggregation as"), "the sums")
    p.send_signal(signal.SIGINT)
    p.wait(30)
    print(json.dumps(said))
finally:
    p.kill()
"""
