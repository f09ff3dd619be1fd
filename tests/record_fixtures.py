#!/usr/bin/env python3
"""Record tests/fixtures anew: what real exporters send of our traffic, and how tshark reads it.

usage: tests/record_fixtures.py [NAME...]        (names as in exporters.EXPORTERS; all if none)

NAME.pcap has the datagrams as they came, framed as IPv4/UDP from 127.0.0.1 to 127.0.0.1:2055.
NAME.json says what made them ("start_ms": the time of the traffic's first packet) and has each
record that tshark, an independent decoder, finds in them, in the names of weir's fields, a record a
line. Nothing that tshark shows is left out unseen: a field that this script does not know ends it.
"""

import datetime
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import exporters
import traffic

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
PORT = 2055


def receive(exporter, capture, folder):
    """[(time, datagram, source port)] of what the exporter makes of the capture."""
    got = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.5)
        run = threading.Thread(target=exporter.run, args=(capture, sock.getsockname()[1], folder))
        run.start()
        while True:
            ended = not run.is_alive()
            try:
                data, source = sock.recvfrom(65535)
                got.append((time.time(), data, source[1]))
            except TimeoutError:
                if ended and not got:
                    raise SystemExit(f"{exporter.name} sent nothing") from None
                if ended:
                    return got


def write_pcap(path, datagrams):
    """Raw IP packets (link type 101); no UDP checksum, as IPv4 allows."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for at, data, port in datagrams:
            udp = struct.pack(">HHHH", port, PORT, 8 + len(data), 0) + data
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, traffic.UDP, 0) + bytes([127, 0, 0, 1]) * 2
            ip = ip[:10] + struct.pack(">H", traffic.checksum(ip)) + ip[12:] + udp
            f.write(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(ip), len(ip)) + ip)


# tshark's name → weir's; the value is a number, decimal or hex.
NUMBERS = {
    "inputint": "in_if", "outputint": "out_if", "packets": "packets", "octets": "bytes", "srcport": "src_port",
    "dstport": "dst_port", "protocol": "proto", "tos": "tos", "tcpflags": "tcp_flags", "srcas": "src_as", "dstas": "dst_as",
    "srcmask": "src_mask", "dstmask": "dst_mask", "direction": "direction", "flow_end_reason": "end_reason",
    "ip_version": "ip_version", "vlanid": "vlan", "post_vlanid": "post_vlan", "flags": "valid_flags",
    "icmp_ipv6_type": "icmp_type", "icmp_ipv6_code": "icmp_code", "sampler_id": "sampler_id", "sampler_mode": "sampler_mode",
    "sampler_random_interval": "sampler_interval", "sampling_interval": "sampling_interval",
    "sampling_algorithm": "sampling_algorithm", "scope_interface": "scope_interface",
    "selector_algorithm": "selector_algorithm", "sampling_packet_interval": "sampling_packet_interval",
    "sampling_packet_space": "sampling_packet_space",
}
TEXTS = {
    "srcaddr": "src_addr", "dstaddr": "dst_addr", "srcaddrv6": "src_addr", "dstaddrv6": "dst_addr", "nexthop": "next_hop",
    "routersc": "router_sc", "srcmac": "src_mac", "dstmac": "dst_mac", "post_dstmac": "post_dst_mac", "if_name": "if_name",
}
# Elements without a column: the key in `extra`, and the octets.
EXTRA = {"mp_id": ("0/143", 4), "flow_exporter": ("0/144", 4)}
# Said otherwise, or not at all on the wire.
SHOWN_TWICE = {"timedelta", "reserved"}


def children(tree, name):
    return [value for key, value in tree if key == name]


def one(tree, name):
    found = children(tree, name)
    if len(found) != 1:
        raise SystemExit(f"{name}: expected once, found {len(found)} times")
    return found[0]


def is_tree(value):
    return isinstance(value, list)


def milliseconds(seconds):
    """'1.002000000' → 1002"""
    whole, _, part = seconds.partition(".")
    return int(whole) * 1000 + int(part.ljust(3, "0")[:3])


def clock(shown):
    """'Nov 22, 2026 08:33:57.104000999 UTC' → ms since 1970, cut"""
    text, _, part = shown.removesuffix(" UTC").partition(".")
    when = datetime.datetime.strptime(" ".join(text.split()), "%b %d, %Y %H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(when.timestamp()) * 1000 + int(part[:3])


def signed32(n):
    return (n + (1 << 31)) % (1 << 32) - (1 << 31)


class Message:
    """The header of an export message, as every record of it has it."""

    def __init__(self, frame, cflow):
        self.version = int(one(cflow, "cflow.version"))
        stamp = one(cflow, "cflow.timestamp_tree")
        self.uptime = milliseconds(one(cflow, "cflow.sysuptime")) if self.version < 10 else None
        export = int(one(stamp, "cflow.exporttime" if self.version == 10 else "cflow.unix_secs")) * 1000
        export += sum(int(ns) // 1000000 for ns in children(stamp, "cflow.unix_nsecs"))
        self.head = {"frame": int(one(frame, "frame.number")), "version": self.version, "export_ms": export,
                     "exporter": "127.0.0.1", "received_ms": milliseconds(one(frame, "frame.time_epoch"))}
        for theirs, ours in (("flow_sequence", "sequence"), ("sequence", "sequence"), ("source_id", "domain"),
                             ("od_id", "domain"), ("engine_type", "engine_type"), ("engine_id", "engine_id")):
            for value in children(cflow, "cflow." + theirs):
                self.head[ours] = int(value)

    def record(self, tree, set_id=None, options=False):
        out = dict(self.head, kind="options" if options else "flow")
        if set_id is not None:
            out["set"] = set_id
        for key, value in tree:
            if not key.startswith("cflow."):
                raise SystemExit(f"{key}: a field that this script does not know")
            name = key.removeprefix("cflow.")
            if name == "timedelta_tree":
                for inner, shown in value:
                    self.when(out, inner.removeprefix("cflow."), shown)
            elif not is_tree(value) and name not in SHOWN_TWICE:
                self.field(out, name, value)
        out["time_ms"] = out.get("last_ms", out["export_ms"])
        if out.get("proto") in (traffic.ICMP, traffic.ICMP6) and "dst_port" in out:
            out["icmp_type"], out["icmp_code"] = divmod(out["dst_port"], 256)
        return out

    def when(self, out, name, shown):
        end = {"timestart": "first", "timeend": "last", "abstimestart": "first", "abstimeend": "last"}[name]
        if name.startswith("abs"):
            out[end + "_ms"] = clock(shown)
        elif self.uptime is None:
            out[end + "_uptime_ms"] = milliseconds(shown)
        else:
            out[end + "_ms"] = out["export_ms"] + signed32(milliseconds(shown) - self.uptime)

    def field(self, out, name, shown):
        if name in NUMBERS:
            ours, value = NUMBERS[name], int(shown, 0)
        elif name in TEXTS:
            ours, value = TEXTS[name], shown
        elif name == "sys_init_time":
            ours, value = "init_ms", clock(shown)
        elif name == "icmp_type_code_ipv4":
            if "icmp_type" in out:  # the reverse element, that has no column
                out.setdefault("extra", {})["29305/32"] = [shown.removeprefix("0x")]
                return
            out["icmp_type"], out["icmp_code"] = divmod(int(shown, 0), 256)
            return
        elif name in EXTRA:
            key, octets = EXTRA[name]
            out.setdefault("extra", {})[key] = [f"{int(shown):0{2 * octets}x}"]
            return
        elif name == "padding":
            self.padding(out, bytes.fromhex(shown.replace(":", "")))
            return
        else:
            raise SystemExit(f"{name}: a field that this script does not know")
        if ours in ("icmp_type", "icmp_code") and ours in out:
            reverse = out.setdefault("extra", {}).setdefault("29305/139", [""])
            reverse[0] += f"{value:02x}"
        else:
            out["rev_" + ours if ours in out else ours] = value

    def padding(self, out, octets):
        """What tshark takes for padding has a meaning in two versions."""
        if self.version == 1 and len(octets) == 3:
            out["tcp_retx_count"], out["tcp_retx_secs"], out["tcp_misseq_count"] = octets
        elif self.version == 7:
            out["flags2"] = int.from_bytes(octets, "big")
        elif any(octets):
            raise SystemExit(f"padding that is not zero: {octets.hex()}")


def records_of(message, cflow):
    options = set()
    for key, tree in cflow:
        if key.startswith("pdu "):
            yield message.record(tree)
        elif key.startswith(("FlowSet ", "Set ")):
            set_id = int(one(tree, "cflow.flowset_id"))
            if "(Options Template)" in key:
                options |= {int(i) for sub in tree if is_tree(sub[1]) for i in children(sub[1], "cflow.template_id")}
            for name, record in tree:
                if set_id >= 256 and name.startswith("Flow "):
                    yield message.record(record, set_id, set_id in options)


def read(pcap):
    """tshark's reading of a capture, as records in weir's names."""
    shown = subprocess.run(["tshark", "-r", pcap, "-d", f"udp.port=={PORT},cflow", "-T", "json"], check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ, TZ="UTC", LC_ALL="C"))
    for frame in json.loads(shown.stdout, object_pairs_hook=list):
        layers = one(one(frame, "_source"), "layers")
        cflow = one(layers, "cflow")
        yield from records_of(Message(one(layers, "frame"), cflow), cflow)


def record(exporter):
    start_ms = (int(time.time()) - 30) * 1000
    FIXTURES.mkdir(exist_ok=True)
    pcap = FIXTURES / f"{exporter.name}.pcap"
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "traffic.pcap")
        traffic.write(capture, start_ms)
        write_pcap(pcap, receive(exporter, capture, folder))
    head = {"exporter": exporter.name, "start_ms": start_ms}
    lines = [json.dumps(r, separators=(",", ":")) for r in read(pcap)]
    with open(pcap.with_suffix(".json"), "w", encoding="utf-8") as f:
        f.write(json.dumps(head)[:-1] + ', "records": [\n' + ",\n".join(lines) + "\n]}\n")
    print(f"{exporter.name}: {len(lines)} records")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or [e.name for e in exporters.EXPORTERS]:
        record(exporters.by_name(wanted))
