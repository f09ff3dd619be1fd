"""Rules for what exporters send otherwise: each that weir comes with, and the three that it proposes, by datagrams made by hand."""

import json
import re
import signal
import socket
import struct
import subprocess

import pytest

from conftest import ROOT, WEIR, Collector, until
from hand import Device, now
from test_vendors import A, MS, S, UPTIME, ipfix, layout, scoped, v9

SHIPPED = ROOT / "share/quirks.conf"
START = 10_000_000  # uptime in milliseconds: 10,000 s


def fixed(version, *records, scheme=0, sampling=0, uptime=START, sequence=0):
    """A datagram of v5 or v8."""
    head = struct.pack(">HHIIII", version, len(records), uptime, S, 0, sequence)
    head += struct.pack(">BBH", 0, 0, sampling) if version == 5 else struct.pack(">BBBBI", 0, 0, scheme, 2, 0)
    return head + b"".join(map(bytes.fromhex, records))


def v5_record(first, last):
    return f"0a000001 0a000002 0a0000fe 0001 0002 00000003 00000064 {first:08x} {last:08x} 0050 01bb 00 1b 06 00 0001 0002 18 18 0000"


def v8_record(scheme, first=START - 1000, last=START):
    rest = {1: "0001 0002 0003 0004", 9: "0001 0002 b8 00 0000 0003 0004", 5: "0a000000 c0000200 08 18 0000 0001 0002 0003 0004",
            13: "0a000000 c0000200 08 18 b8 00 0001 0002 0003 0004", 14: "0a000000 c0000200 08 18 b8 06 0050 01bb 0003 0004"}[scheme]
    return f"00000001 00000003 00000064 {first:08x} {last:08x} " + rest


EVENTS = "".join((f"{event:02x}{n:08x}" for event, n in ((5, 100), (2, 200))))  # an update and the teardown: since the connection began
FLOWS = (8, 4), (1, 4)

# Rule: datagrams, what their flows say where it does not hold, and where it does. In the order of their bytes.
RULES = {
    "v8-seconds": ([fixed(8, v8_record(1, 9_990, 9_999), scheme=1)],
                   [{"first_ms": MS - START + 9_990}], [{"first_ms": MS - 10_000, "last_ms": MS - 1000}]),
    "v8-masks-swapped": ([fixed(8, v8_record(s), scheme=s, sequence=i) for i, s in enumerate((5, 13, 14))],
                         [{"src_mask": 24, "dst_mask": 8}] * 3, [{"src_mask": 8, "dst_mask": 24, "src_prefix": "10.0.0.0"}] * 3),
    "v8-tos-before-interfaces": ([fixed(8, v8_record(9), scheme=9)],
                                 [{"tos": 0, "in_if": 0xB800, "src_as": 1}], [{"tos": 0xB8, "in_if": 3, "out_if": 4, "src_as": 1}]),
    "v5-seconds": ([fixed(5, v5_record(9_990, 9_999))], [{"first_ms": MS - START + 9_990}], [{"first_ms": MS - 10_000, "last_ms": MS - 1000}]),
    "sampling-little-endian": (
        [v9((0, layout(*FLOWS, (34, 4))), (256, A + "00000064" + "e8030000")),
         ipfix(scoped(10, [(302, 4)], (305, 4), (306, 4)), (300, "00000005 01000000 00000003"), (2, layout((302, 4), *FLOWS)), (256, "00000005" + A + "00000065"))],
        [{"rate": 3892510720}, {"bytes": 101}], [{"rate": 1000, "rate_from": "record"}, {"bytes": 101, "rate": 4, "rate_from": "sampler"}]),
    "sampling-not-believed": (
        [fixed(5, v5_record(START, START), sampling=0x4064),
         v9(scoped(9, [(1, 4)], (34, 4)), (300, "00000000 000003e8"), (0, layout(*FLOWS)), (256, A + "00000065"))],
        [{"rate": 100, "rate_from": "header"}, {"rate": 1000, "rate_from": "domain"}], [{"rate": 1, "rate_from": "none"}] * 2),
    "asa-totals": (
        [v9((0, layout((233, 1), (231, 4))), (256, EVENTS))],
        [{"initiator_bytes": 100}, {"initiator_bytes": 200}], [{"initiator_bytes": None, "extra": {"0/231": ["00000064"]}}, {"initiator_bytes": 200}]),
    "cisco-avc-connection": (  # holds for all that look like it
        [v9((0, layout(*FLOWS)), (256, A + "00000064")),
         ipfix((2, layout((9, 12236, 4), (9, 12237, 4), (9, 12240, 2), (9, 12241, 2), (1, 4))), (256, "0a000007 0a000008 c000 0050 00000065"))],
        None, [{"src_addr": "10.0.0.1"}, {"src_addr": "10.0.0.7", "dst_addr": "10.0.0.8", "src_port": 49152, "dst_port": 80}]),
}


def order(f):
    return f.get("bytes") or f.get("initiator_bytes") or 0


def flows_by_sender(store, *args):
    asked = subprocess.run([WEIR, "query", "--store", str(store), "--raw", "--format", "jsonl", "kind any", *args], stdout=subprocess.PIPE, check=True)
    by = {}
    for f in map(json.loads, asked.stdout.splitlines()):
        by.setdefault(f["exporter"], []).append(f)
    return {who: sorted(list_, key=order) for who, list_ in by.items()}


def send(c, source, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        for d in datagrams:
            s.sendto(d, ("127.0.0.1", c.port))


def reload(c, path, text):
    before = c.text().count("reloaded") + c.text().count("SIGHUP")
    path.write_text(text)
    c.process.send_signal(signal.SIGHUP)
    until(lambda: c.text().count("reloaded") + c.text().count("SIGHUP") > before, "the configuration to be read")


def said(flows, want):
    return [{k: f.get(k) for k in w} for f, w in zip(flows, want)]


def test_each_rule_that_weir_comes_with_is_here():
    assert set(re.findall(r"^quirk (\S+)$", SHIPPED.read_text(), re.M)) == set(RULES)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Every rule's datagrams, from an address for which nothing is confirmed (127.0.8.N) and from one for which it is (127.0.9.N)."""
    folder = tmp_path_factory.mktemp("quirks")
    config = folder / "weir.conf"
    confirmed = "".join(f"quirk {name} for 127.0.9.{i}\n" for i, name in enumerate(RULES, 1) if RULES[name][1] is not None)
    config.write_text(confirmed)
    with Collector(folder / "store", "--config", str(config)) as c:
        for i, (datagrams, *_) in enumerate(RULES.values(), 1):
            send(c, f"127.0.8.{i}", *datagrams)
            send(c, f"127.0.9.{i}", *datagrams)
        c.wait_for(datagrams=2 * sum(len(r[0]) for r in RULES.values()))
        yield flows_by_sender(c.store), c.counters(), c.show("quirks"), c


@pytest.mark.parametrize("name", RULES)
def test_a_rule_does_what_it_says(told, name):
    by, *_ = told
    i = list(RULES).index(name) + 1
    _, plain, bent = RULES[name]
    assert said(by[f"127.0.9.{i}"], bent) == bent
    assert len(by[f"127.0.9.{i}"]) == len(bent)
    want = bent if plain is None else plain
    assert said(by[f"127.0.8.{i}"], want) == want


def test_show_says_which_rules_hold_and_for_whom(told):
    *_, counters, show, c = told
    by = {q["quirk"]: q for q in show["quirks"]}
    assert list(by) == list(RULES)
    assert by["v5-seconds"]["records"] == 1 and not by["v5-seconds"]["waits_to_be_confirmed"]
    assert [x["exporter"].split(":")[0] for x in by["v8-masks-swapped"]["holds_for"]] == ["127.0.9.2"]
    assert by["cisco-avc-connection"]["records"] == 2  # from either
    assert counters["quirk_records"] == sum(q["records"] for q in by.values())
    senders = {x["exporter"].split(":")[0]: [q["quirk"] for q in x["quirks"]] for x in c.show("senders")["senders"] if x["quirks"]}
    assert senders["127.0.9.4"] == ["v5-seconds"] and "127.0.8.4" not in senders
    text = subprocess.run([WEIR, "show", "quirks", "--store", str(c.store)], capture_output=True, text=True, check=True).stdout
    assert "times are in seconds" in text and "127.0.9.1" in text


def test_avc_elements_are_called_so_by_tshark_too(tmp_path):
    """The numbers of enterprise 9: by another decoder."""
    datagram = RULES["cisco-avc-connection"][0][1]
    lines = " ".join(f"{b:02x}" for b in datagram)
    (tmp_path / "hex").write_text("000000 " + lines + "\n")
    subprocess.run(["text2pcap", "-q", "-u", "4739,4739", tmp_path / "hex", tmp_path / "pcap"], check=True, stderr=subprocess.DEVNULL)
    fields = ("client_ipv4_address", "server_ipv4_address", "client_transport_port", "server_transport_port")
    out = subprocess.run(["tshark", "-r", tmp_path / "pcap", "-d", "udp.port==4739,cflow", "-T", "fields",
                          *(a for f in fields for a in ("-e", f"cflow.pie.cisco.connection_{f}"))], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["10.0.0.7", "10.0.0.8", "49152", "80"]


# --- proposals ---


def test_three_are_proposed_and_the_operator_confirms(collector, flows, tmp_path, run):
    config = tmp_path / "weir.conf"
    config.write_text("")
    c = collector("--config", str(config))
    eight = [fixed(8, *[v8_record(1, 9_990, 9_999)] * 20, scheme=1), fixed(8, *[v8_record(5)] * 20, scheme=5), RULES["sampling-little-endian"][0][0]]
    for i, d in enumerate(eight, 1):
        send(c, f"127.0.7.{i}", d)
    c.wait_for(datagrams=3)
    have = {p["exporter"].split(":")[0]: p for p in c.show("quirks")["proposals"]}
    lines = [f"quirk {name} for 127.0.7.{i}" for i, name in enumerate(("v8-seconds", "v8-masks-swapped", "sampling-little-endian"), 1)]
    assert [have[f"127.0.7.{i}"]["config"] for i in (1, 2, 3)] == lines and len(have) == 3
    assert "8 records" in have["127.0.7.1"]["why"] and "3892510720" in have["127.0.7.3"]["why"]
    text = run("show", "quirks", "--store", c.store).stdout
    assert all(line in text for line in lines) and "SIGHUP" in text
    found = {(f["exporter"].split(":")[0], f["finding"]) for f in json.loads(
        subprocess.run([WEIR, "doctor", "--json", "--store", str(c.store)], stdout=subprocess.PIPE).stdout)["findings"] if "exporter" in f}
    assert {("127.0.7.1", "v8-seconds"), ("127.0.7.2", "v8-masks-swapped"), ("127.0.7.3", "sampling-swapped")} <= found
    # Nothing has changed by itself.
    assert {f["first_ms"] for f in flows(c.store) if f["exporter"] == "127.0.7.1"} == {MS - START + 9_990}
    reload(c, config, "\n".join(lines))
    for i, d in enumerate(eight, 1):
        send(c, f"127.0.7.{i}", d)
    c.wait_for(datagrams=6)
    assert c.show("quirks")["proposals"] == []
    late = flows(c.store)
    assert sorted({f["first_ms"] for f in late if f["exporter"] == "127.0.7.1"}) == [MS - START + 9_990, MS - 10_000]
    assert sorted((f["src_mask"], f["dst_mask"]) for f in late if f["exporter"] == "127.0.7.2") == [(8, 24)] * 20 + [(24, 8)] * 20
    assert sorted(f["rate"] for f in late if f["exporter"] == "127.0.7.3") == [1000, 3892510720]


@pytest.mark.parametrize("version", [5, 8, 9, 10])
def test_nothing_is_proposed_for_what_is_right(collector, version):
    c = collector()
    devices = [Device(version, address=f"127.0.6.{i}", uptime_ms=up, aggregation=1, lasted_ms=5000)
               for i, up in enumerate((30_000, 3_600_000, 40 * 24 * 3_600_000), 1)]
    for d in devices:
        d.send(c.port, *(d.flows(*[{}] * 15, template=version > 8) for _ in range(4)))
    c.wait_for(datagrams=12)
    assert c.show("quirks")["proposals"] == []


# --- the file ---


def test_rules_of_ones_own_and_those_that_are_undone(collector, flows, tmp_path, run):
    own = tmp_path / "own.conf"
    own.write_text("quirk odd-as\n description its own element for the source's AS\n match has 57500\n action element 57500 means src_as\n"
                   "quirk v5-seconds\n description for all of a site\n match sender 127.0.5.0/24\n match version 5\n action times seconds\n")
    config = tmp_path / "weir.conf"
    config.write_text(f"quirks {own}\nno quirk cisco-avc-connection\nquirk here\n match version 9\n action ignore 4\n")
    checked = run("check", config).stdout
    assert f"Quirk odd-as ({own}:1): for every sender, with element 57500: element 57500 means src_as" in checked
    assert "Quirk here" in checked and "cisco-avc-connection" not in checked and "Quirk v8-seconds" in checked
    c = collector("--config", str(config))
    send(c, "127.0.5.1", v9((0, layout(*FLOWS, (57500, 4), (4, 1))), (256, A + "00000064 0000fde8 06")), fixed(5, v5_record(9_990, 9_999)))
    c.wait_for(datagrams=2)
    have = {f["version"]: f for f in flows(c.store)}
    assert have[9]["src_as"] == 65000 and "proto" not in have[9] and have[9]["extra"] == {"0/4": ["06"]}
    assert have[5]["last_ms"] == MS - 1000


@pytest.mark.parametrize("text, place, why", [
    ("quirk v8-second for 10.0.0.1\n", "1:7", "there is no quirk"),
    ("quirk v8-seconds for router\n", "1:22", "expected an IPv4 or IPv6 address"),
    ("quirk x\n action times hours\n", "2:15", "expected seconds or milliseconds"),
    ("quirk x\n match version 9\n", "1:1", "expected an action"),
    ("quirks /nowhere/quirks.conf\n", "1:8", "/nowhere/quirks.conf"),
    ("no quirk nothing\n", "1:10", "there is no quirk"),
])
def test_mistakes_have_their_place(run, tmp_path, text, place, why):
    path = tmp_path / "x.conf"
    path.write_text(text)
    told = run("check", path, status=2).stderr
    assert f"{path}:{place}: " in told and why in told


def test_a_mistake_in_a_file_of_rules_names_that_file(run, tmp_path):
    own = tmp_path / "own.conf"
    own.write_text("! mine\nquirk x\n action bytes sometimes\n")
    (tmp_path / "x.conf").write_text(f"quirks {own}\n")
    assert f"{own}:3:15: expected delta or total" in run("check", tmp_path / "x.conf", status=2).stderr


def test_where_the_rules_are_not_installed_it_says_so(collector, run, tmp_path):
    c = collector(env={"WEIR_QUIRKS": ""})
    assert c.show("quirks")["quirks"] == []
    assert "/nowhere" in run("collect", "--store", tmp_path / "s", status=2, env={"WEIR_QUIRKS": "/nowhere"}).stderr


# --- what comes after ---


def test_what_was_received_is_read_by_the_rules_of_its_time(collector, flows, tmp_path):
    """Journals have the rules with them: after a crash under other rules nothing changes, and what comes then goes by the new ones."""
    config = tmp_path / "weir.conf"
    config.write_text("quirk v5-seconds for 127.0.5.1\n")
    c = collector("--config", str(config))
    send(c, "127.0.5.1", fixed(5, v5_record(9_990, 9_999)))
    c.wait_for(datagrams=1)
    c.kill()
    config.write_text("")
    c = collector("--config", str(config))
    send(c, "127.0.5.1", fixed(5, v5_record(9_990, 9_999), sequence=1))
    c.wait_for(datagrams=1)
    assert sorted(f["last_ms"] for f in flows(c.store)) == [MS - START + 9_999, MS - 1000]


def test_two_workers_know_the_same_rules(collector, flows, tmp_path):
    config = tmp_path / "weir.conf"
    config.write_text("quirk v5-seconds for 127.0.5.0/24\n")
    c = collector("--config", str(config), "--workers", "2")
    for i in range(1, 17):
        send(c, f"127.0.5.{i}", fixed(5, v5_record(9_990, 9_999)))
    c.wait_for(datagrams=16)
    assert [f["last_ms"] for f in flows(c.store)] == [MS - 1000] * 16
    by = {q["quirk"]: q for q in c.show("quirks")["quirks"]}
    assert by["v5-seconds"]["records"] == 16 and len(by["v5-seconds"]["holds_for"]) == 16


def test_imports_go_by_them_too(run, flows, tmp_path):
    config = tmp_path / "weir.conf"
    config.write_text("quirk v5-seconds for 0.0.0.0/0\nsender 0.0.0.0/0\n sampling 1:50\n")
    (tmp_path / "bare").write_bytes(fixed(5, v5_record(9_990, 9_999)))
    run("import", "--store", tmp_path / "s", "--config", config, tmp_path / "bare")
    run("import", "--store", tmp_path / "t", tmp_path / "bare")
    assert [(f["last_ms"], f["rate"]) for f in flows(tmp_path / "s")] == [(MS - 1000, 50)]
    assert [f["last_ms"] for f in flows(tmp_path / "t")] == [MS - START + 9_999]
    assert json.loads(run("decode", "--config", config, tmp_path / "bare").stdout)["last_ms"] == MS - 1000
    assert json.loads(run("decode", tmp_path / "bare").stdout)["last_ms"] == MS - START + 9_999
    assert ":1:7: " in run("import", "--config", "/dev/stdin", "--store", tmp_path / "u", tmp_path / "bare", status=2, input="quirk x for ::1\n").stderr
