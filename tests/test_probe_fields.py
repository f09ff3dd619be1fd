"""Every word of routers' records that has an information element: metered from packets made by hand, as a key and as a value, sent as
v9 and as IPFIX. What has to come out is how the packets were made, by IANA's register of elements; tshark finds nothing wrong in it."""

import re
import socket
import struct
import subprocess

import pytest

import packets
from conftest import ROOT
from test_probe import START_MS, needs_tshark
from test_probe_conf import HERE, exporter

MACS = bytes.fromhex("020000000002 020000000001".replace(" ", ""))  # destination, source
V6 = [socket.inet_pton(socket.AF_INET6, a) for a in ("2001:db8::1", "2001:db8::2")]
CISCO_V9 = 32768


def ip4(proto, body, options=b"", tos=0xB9, ident=0x1234, flags=0x4000, ttl=60, dst=bytes([10, 0, 1, 1])):
    head = struct.pack(">BBHHHBBH4s4s", 0x45 + len(options) // 4, tos, 20 + len(options) + len(body), ident, flags, ttl, proto, 0, bytes([10, 0, 0, 1]), dst)
    return head + options + body


def ip6(proto, body, hop=61, dst=V6[1]):
    return struct.pack(">IHBB", 6 << 28 | 0xB9 << 20 | 0xABCDE, len(body), proto, hop) + V6[0] + dst + body


def ether(kind, body, tags=b""):
    return MACS + tags + struct.pack(">H", kind) + body


TCP = struct.pack(">HHIIBBHHH", 1000, 443, 0x01020304, 0x05060708, 0x60, 0x12, 4000, 0, 7) + bytes([2, 4, 5, 180]) + b"payload!"
UDP = struct.pack(">HHHH", 2000, 53, 8 + 5, 0) + b"hello"
V4_TCP = ip4(6, TCP)
PACKETS = {
    "tcp": ether(0x0800, V4_TCP, bytes.fromhex("8100 a064".replace(" ", ""))),  # priority 5, VLAN 100
    "udp": ether(0x0800, ip4(17, UDP)),
    "options": ether(0x0800, ip4(17, UDP, bytes([0x94, 4, 0, 0]))),  # router alert
    "icmp": ether(0x0800, ip4(1, bytes([8, 1, 0, 0, 0, 0, 0, 0]))),
    "igmp": ether(0x0800, ip4(2, bytes([0x16, 0, 0, 0, 224, 0, 0, 9]), dst=bytes([224, 0, 0, 9]))),
    "part": ether(0x0800, ip4(17, bytes(64), flags=0x2000 | 185)),  # at octet 1480, and more follow
    "mpls": ether(0x8847, struct.pack(">II", 1000 << 12 | 5 << 9 | 63, 2000 << 12 | 1 << 8 | 62) + ip4(17, UDP)),
    "vxlan": ether(0x0800, ip4(17, struct.pack(">HHHHII", 5000, 4789, 8 + 8 + 14 + len(V4_TCP), 0, 0x08000000, 77 << 8) + ether(0x0800, V4_TCP))),
    "tcp6": ether(0x86DD, ip6(6, TCP)),
    "udp6": ether(0x86DD, ip6(17, UDP)),
    "icmp6": ether(0x86DD, ip6(58, bytes([128, 3, 0, 0, 0, 0, 0, 0]))),
    "part6": ether(0x86DD, ip6(44, struct.pack(">BBHI", 17, 0, 1480 | 1, 0x0000ABCD) + bytes(64))),
    "hop6": ether(0x86DD, ip6(0, bytes([17, 0, 5, 2, 0, 0, 1, 0]) + UDP)),
}
ZERO = 0
V4_LEN = 20 + len(TCP)
# Word → (packet, value) or (packet, value as a key, value as what is collected). A value is a number or octets.
WANT = {
    "ipv4 source address": ("tcp", bytes([10, 0, 0, 1])), "ipv4 destination address": ("tcp", bytes([10, 0, 1, 1])),
    "ipv4 source mask": ("tcp", 0), "ipv4 destination mask": ("tcp", 0),  # of a capture no routes are known
    "ipv4 source prefix": ("tcp", 0), "ipv4 destination prefix": ("tcp", 0),
    "ipv4 protocol": ("tcp", 6), "ipv4 version": ("tcp", 4), "ipv4 tos": ("tcp", 0xB9), "ipv4 tos output": ("tcp", 0xB9),
    "ipv4 dscp": ("tcp", 46), "ipv4 dscp output": ("tcp", 46), "ipv4 precedence": ("tcp", 5), "ipv4 ttl": ("tcp", 60),
    "ipv4 ttl minimum": ("tcp", 60), "ipv4 ttl maximum": ("tcp", 60), "ipv4 id": ("tcp", 0x1234),
    "ipv4 fragmentation offset": ("part", 185), "ipv4 fragmentation flags": ("part", 0x20), "ipv4 option map": ("options", 0x1000),
    "ipv4 header-length": ("options", 6), "ipv4 total-length": ("tcp", V4_LEN), "ipv4 total-length minimum": ("tcp", V4_LEN),
    "ipv4 total-length maximum": ("tcp", V4_LEN), "ipv4 length payload": ("tcp", len(TCP)),
    "ipv4 section header size 24": ("tcp", V4_TCP[:24]), "ipv4 section payload size 30": ("tcp", TCP[:30]),
    "ipv6 source address": ("tcp6", V6[0]), "ipv6 destination address": ("tcp6", V6[1]), "ipv6 source mask": ("tcp6", 0),
    "ipv6 destination mask": ("tcp6", 0), "ipv6 source prefix": ("tcp6", 0), "ipv6 destination prefix": ("tcp6", 0), "ipv6 protocol": ("hop6", 17),
    "ipv6 version": ("tcp6", 6), "ipv6 traffic-class": ("tcp6", 0xB9), "ipv6 traffic-class output": ("tcp6", 0xB9), "ipv6 dscp": ("tcp6", 46),
    "ipv6 dscp output": ("tcp6", 46), "ipv6 precedence": ("tcp6", 5), "ipv6 hop-limit": ("tcp6", 61), "ipv6 hop-limit minimum": ("tcp6", 61),
    "ipv6 hop-limit maximum": ("tcp6", 61), "ipv6 fragmentation id": ("part6", 0xABCD), "ipv6 fragmentation offset": ("part6", 185),
    "ipv6 fragmentation flags": ("part6", 0x20), "ipv6 length header": ("tcp6", 40), "ipv6 length payload": ("tcp6", len(TCP)),
    "ipv6 length total": ("tcp6", 40 + len(TCP)), "ipv6 payload-length": ("tcp6", len(TCP)), "ipv6 flow-label": ("tcp6", 0xABCDE),
    "ipv6 extension map": ("hop6", 0x40000000), "ipv6 next-header": ("hop6", 0),  # RFC 5102 5.6.8: HOP is the second
    "ipv6 section header size 40": ("tcp6", ip6(6, TCP)[:40]), "ipv6 section payload size 20": ("tcp6", TCP[:20]),
    "ip protocol": ("udp", 17), "ip version": ("udp6", 6), "ip tos": ("udp6", 0xB9),
    "transport source-port": ("udp", 2000), "transport destination-port": ("udp", 53), "transport tcp source-port": ("tcp", 1000),
    "transport tcp destination-port": ("tcp", 443), "transport udp source-port": ("udp", 2000), "transport udp destination-port": ("udp", 53),
    "transport tcp flags": ("tcp", 0x12), "transport tcp flags syn": ("tcp", 0x02), "transport tcp sequence-number": ("tcp", 0x01020304),
    "transport tcp acknowledgement-number": ("tcp", 0x05060708), "transport tcp window-size": ("tcp", 4000), "transport tcp urgent-pointer": ("tcp", 7),
    "transport tcp header-length": ("tcp", 24), "transport tcp option map": ("tcp", 0x04 << 56), "transport udp message-length": ("udp", 13),
    "transport icmp ipv4 type": ("icmp", 8), "transport icmp ipv4 code": ("icmp", 1), "transport icmp ipv6 type": ("icmp6", 128),
    "transport icmp ipv6 code": ("icmp6", 3), "transport igmp type": ("igmp", 0x16),
    "flow direction": ("udp", 0), "flow sampler": ("udp", 0), "flow end-reason": ("udp", 4), "flow observation point": ("udp", 0),
    "routing is-multicast": ("igmp", 1),
    "datalink mac source address input": ("udp", MACS[6:]), "datalink mac destination address input": ("udp", MACS[:6]),
    "datalink mac source address output": ("udp", 0), "datalink mac destination address output": ("udp", 0),
    "datalink vlan input": ("tcp", 100), "datalink source-vlan-id": ("tcp", 100), "datalink dot1q vlan input": ("tcp", 100),
    "datalink vlan output": ("tcp", 0), "datalink destination-vlan-id": ("tcp", 0), "datalink dot1q vlan output": ("tcp", 0),
    "datalink dot1q priority": ("tcp", 5), "datalink ethertype": ("tcp", 0x0800), "vxlan vnid": ("vxlan", 1 << 56 | 77),
    "mpls label 1 details": ("mpls", 1000 << 4 | 5 << 1), "mpls label 2 details": ("mpls", 2000 << 4 | 1), "mpls label 3 details": ("mpls", 0),
    "mpls label 4 details": ("mpls", 0), "mpls label 5 details": ("mpls", 0), "mpls label 6 details": ("mpls", 0),
    "mpls label 1 exp": ("mpls", 5), "mpls label 1 ttl": ("mpls", 63),
    "connection client ipv4 address": ("udp", bytes([10, 0, 0, 1])), "connection server ipv4 address": ("udp", bytes([10, 0, 1, 1])),
    "connection client ipv6 address": ("udp6", V6[0]), "connection server ipv6 address": ("udp6", V6[1]),
    "connection client transport port": ("udp", 2000), "connection server transport port": ("udp", 53), "connection id": ("udp", 1),
    "connection initiator": ("udp", 1), "connection new-connections": ("udp", 1), "connection sum-duration": ("udp", 0),
    "connection client counter bytes long": ("udp", 5), "connection client counter packets long": ("udp", 1),
    "connection client counter bytes network long": ("udp", 33), "connection server counter bytes long": ("udp", 0),
    "connection server counter packets long": ("udp", 0), "connection server counter bytes network long": ("udp", 0),
    "counter bytes": ("tcp", V4_LEN), "counter bytes long": ("tcp", V4_LEN), "counter packets": ("tcp", 1), "counter packets long": ("tcp", 1),
    "counter flows": ("tcp", 1), "counter bytes layer2 long": ("tcp", len(PACKETS["tcp"])), "counter bytes squared long": ("tcp", V4_LEN**2),
    "timestamp absolute first": ("udp", START_MS), "timestamp absolute last": ("udp", START_MS),
}
NOT_KNOWN = re.compile(r"^(counter packets dropped|routing (forwarding|source|destination|next-hop|vrf)|mpls label 1 type|application |policy |services |wireless |flow cts|interface )")
ELSEWHERE = {"timestamp sys-uptime first", "timestamp sys-uptime last", "flow id", "timestamp absolute monitoring-interval start",
             "timestamp absolute monitoring-interval end"}


def words():
    """(use, word, enterprise, number, octets) of words.def."""
    for use, word, enterprise, number, octets in re.findall(r'^(\w+)\("([^"]+)",\s*(\d+),\s*(\d+), (\w+)\)', (ROOT / "src/probe/words.def").read_text(), re.M):
        if int(number):
            yield use, word, int(enterprise), int(number), 65535 if octets == "LAYOUT_VARLEN" else int(octets)


def said(word):
    """As a configuration says it, and what it has to give."""
    if word in WANT:
        return word, WANT[word]
    for full, want in WANT.items():  # words with an argument
        if " ".join(full.split()[:-1]) == " ".join(word.split()[:-1]) and word.split()[-1] in ("OCTETS", "TEXT"):
            return full, want
    return (word, ("udp6" if "ipv6" in word else "udp", ZERO)) if NOT_KNOWN.match(word) else (word, None)


def test_every_word_is_here():
    assert [w for _, w, *_ in words() if not said(w)[1] and w not in ELSEWHERE] == []
    assert not set(WANT) - {said(w)[0] for _, w, *_ in words()}


def decode(datagrams):
    """Elements of the data records, in order: {(enterprise, number): octets}."""
    layouts, records = {}, []
    for d in datagrams:
        version = struct.unpack_from(">H", d)[0]
        at = 20 if version == 9 else 16
        while at < len(d):
            number, length = struct.unpack_from(">HH", d, at)
            body = d[at + 4 : at + length]
            at += length
            if number == {9: 0, 10: 2}[version]:
                template, n = struct.unpack_from(">HH", body)
                fields, p = [], 4
                for _ in range(n):
                    element, octets = struct.unpack_from(">HH", body, p)
                    p += 4
                    enterprise = 0
                    if version == 10 and element & 0x8000:
                        enterprise = struct.unpack_from(">I", body, p)[0]
                        p += 4
                    fields.append(((enterprise, element & 0x7FFF if enterprise else element), octets))
                layouts[template] = fields
            elif number >= 256:
                p, fields = 0, layouts[number]
                size = sum(1 if n == 65535 else n for _, n in fields)
                while p + size <= len(body):
                    row = {}
                    for key, n in fields:
                        if n == 65535:
                            n = body[p]
                            p += 1
                        row[key] = body[p : p + n]
                        p += n
                    records.append(row)
                    if len(body) - p < 4 and not any(body[p:]):
                        break
    return records


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures")
    for name, data in PACKETS.items():
        with open(folder / name, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            f.write(struct.pack("<IIII", START_MS // 1000, START_MS % 1000 * 1000, len(data), len(data)) + data)
    return folder


def export(run, tmp_path, capture, lines, version, family, *args):
    with packets.Listener() as listener:
        (tmp_path / "probe.conf").write_text("flow record R\n " + "\n ".join(lines) + "\n" + exporter("E", listener.port, f"export-protocol {version}")
                                             + "flow monitor M\n record R\n exporter E\n" + HERE + f" ip{'v6' if family == 6 else ''} flow monitor M input\n")
        done = run("probe", "-r", capture, "--config", tmp_path / "probe.conf", *args)
        return listener.datagrams(), done


def octets_of(value, n):
    return value if isinstance(value, bytes) else value.to_bytes(n, "big")


@pytest.mark.parametrize("version", ["netflow-v9", "ipfix"])
def test_words_give_what_packets_say(run, tmp_path, captures, version):
    all_sent = []
    applications = "libndpi" in run("--version").stdout
    for use, word, enterprise, number, octets in words():
        full, want = said(word)
        if want is None:
            continue
        name, value = want
        n = octets or int(full.split()[-1]) if not isinstance(value, bytes) else len(value)
        for how in {"FIELD": ("match", "collect"), "VALUE": ("collect",), "KEY": ("match",)}[use]:
            if applications and word == "application name":  # to nDPI it says nothing yet; at its end the port does: DNS, of NBAR's engine
                value = bytes([13, 0, 0, 5 if how == "collect" else 0])
            family = 6 if name.endswith("6") else 4
            base = "match ipv6 next-header" if family == 6 else "match ipv4 header-length"
            other = [] if how == "match" else [base if full not in base else "match ip protocol"]
            sent, _ = export(run, tmp_path, captures / name, [*other, f"{how} {full}"], version, family)
            (row,) = decode(sent)
            key = (enterprise, number)
            if version == "netflow-v9" and enterprise == 9:
                key = (0, (CISCO_V9 + number) & 0xFFFF)
            if octets == 65535:
                assert not any(row[key]), full
                continue
            assert key in row, (full, how, row)
            assert row[key] == octets_of(value, len(row[key])), (full, how, name, row[key].hex())
            assert octets == 0 or len(row[key]) == octets, full
            all_sent.append(sent)
    if packets.TSHARK:
        for i in range(0, len(all_sent), 40):  # each with its own templates: a capture for each would take minutes
            for k, sent in enumerate(all_sent[i : i + 40]):
                packets.write(tmp_path / f"{k}.pcap", sent)
            for k in range(len(all_sent[i : i + 40])):
                if (i + k) % 8 == 0:
                    _, other = packets.decode(tmp_path / f"{k}.pcap")
                    assert other["malformed"] == 0 and other["expert"] == 0, (i + k, other)


def test_smallest_largest_and_sums_run_over_a_flow(run, tmp_path):
    sizes = [(40, 64), (900, 10), (20, 200), (500, 33)]
    path = tmp_path / "flow"
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, (size, ttl) in enumerate(sizes):
            data = ether(0x0800, ip4(17, struct.pack(">HHHH", 1, 2, 8 + size, 0) + bytes(size), ttl=ttl))
            f.write(struct.pack("<IIII", START_MS // 1000 + i, 0, len(data), len(data)) + data)
    lines = ["match ipv4 source address", "collect ipv4 ttl minimum", "collect ipv4 ttl maximum", "collect ipv4 total-length minimum",
             "collect ipv4 total-length maximum", "collect counter bytes squared long", "collect counter bytes layer2 long", "collect counter packets",
             "collect timestamp absolute last"]
    for version in ("netflow-v9", "ipfix"):
        (row,) = decode(export(run, tmp_path, path, lines, version, 4)[0])
        got = {number: int.from_bytes(octets, "big") for (_, number), octets in row.items()}
        lengths = [size + 28 for size, _ in sizes]
        assert (got[52], got[53], got[25], got[26]) == (10, 200, min(lengths), max(lengths))
        assert got[198] == sum(n * n for n in lengths) and got[352] == sum(n + 14 for n in lengths) and got[2] == len(sizes)
        assert got[153] == START_MS // 1000 * 1000 + 3000


def test_what_a_probe_does_not_know_is_said(run, tmp_path, captures):
    _, done = export(run, tmp_path, captures / "udp", ["match ipv4 source address", "collect routing source as", "collect wireless ssid", "collect flow cts source group-tag"], "ipfix", 4)
    assert "AS numbers are exported as 0: there is no --rib" in done.stderr
    assert "record R: not known to a probe, and exported as 0: wireless ssid and flow cts source group-tag" in done.stderr
    assert "not known to a probe, and exported as 0: wireless ssid and flow cts source group-tag" in run("check", tmp_path / "probe.conf").stdout


@needs_tshark
def test_every_predefined_record_works(run, weir, tmp_path, captures):
    listed = re.findall(r"`([a-z-]+)`", (ROOT / "docs/probe.md").read_text().split("## Predefined records")[1])
    tried = 0
    for family, name in ((4, "tcp"), (6, "tcp6")):
        for record in sorted(set(listed)):
            for peer in ("", " peer"):
                text = f"netflow ipv{family} {record}{peer}"
                with packets.Listener() as listener:
                    (tmp_path / "p.conf").write_text(exporter("E", listener.port) + f"flow monitor M\n record {text}\n exporter E\n" + HERE
                                                     + f" ip{'v6' if family == 6 else ''} flow monitor M input\n")
                    if subprocess.run([weir, "check", tmp_path / "p.conf"], capture_output=True).returncode:
                        continue
                    run("probe", "-r", captures / name, "--config", tmp_path / "p.conf")
                    sent = listener.datagrams()
                (row,) = decode(sent)
                assert sum(int.from_bytes(row[0, e], "big") for e in (2, 298, 299) if (0, e) in row) == 1, text  # packets; or of the client and of the server
                packets.write(tmp_path / "p.pcap", sent)
                _, other = packets.decode(tmp_path / "p.pcap")
                assert other["malformed"] == other["expert"] == 0, text
                tried += 1
    assert tried >= 40
