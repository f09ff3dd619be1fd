"""What tshark says of packets in a capture, and of export datagrams that weir probe has sent.

truth() counts a capture's packets by the seven traditional keys, as tshark reads each frame by itself; decode() gives
what tshark reads of datagrams, as dicts of weir's fields. So neither side of a comparison is ours.
"""

import collections
import decimal
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
import xml.etree.ElementTree as xml

SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
TSHARK = shutil.which("tshark", path=SBIN)
TCP, SYN, FIN, RST = 6, 2, 1, 4
EXTENSIONS = {0, 43, 44, 51, 60}
FIELDS = ("frame.time_epoch frame.protocols ip.src ip.dst ip.proto ip.dsfield ip.len ip.id ip.frag_offset ip.flags.mf ipv6.src ipv6.dst ipv6.nxt "
          "ipv6.plen ipv6.tclass ipv6.hopopts.nxt ipv6.routing.nxt ipv6.fraghdr.nxt ipv6.dstopts.nxt ipv6.fraghdr.offset "
          "ipv6.fraghdr.ident tcp.srcport tcp.dstport udp.srcport udp.dstport sctp.srcport sctp.dstport tcp.flags icmp.type "
          "icmp.code icmpv6.type icmpv6.code").split()
KEY = ("src_addr", "dst_addr", "proto", "src_port", "dst_port", "tos")


def number(text, default=0):
    return int(text, 0) if text else default


def read(capture):
    """A dict for each IP packet: the outermost header, and the transport header behind it. Not of frames that MPLS carries:
    they are a customer's, and a router does not look into them."""
    command = [TSHARK, "-n", "-r", str(capture), "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-T", "fields", "-E",
               "occurrence=f", "-E", "separator=;"]
    out = subprocess.run(command + [x for f in FIELDS for x in ("-e", f)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        f = dict(zip(FIELDS, line.split(";")))
        if (f["ip.src"] or f["ipv6.src"]) and ":pweth" not in f["frame.protocols"]:
            yield packet(f)


def packet(f):
    p = {"at_ms": int(decimal.Decimal(f["frame.time_epoch"]) * 1000), "tcp_flags": 0, "src_port": 0, "dst_port": 0}
    if f["ip.src"]:  # where an IPv6 packet is in an IPv4 one, this is the outer
        p |= {"src_addr": f["ip.src"], "dst_addr": f["ip.dst"], "proto": number(f["ip.proto"]), "tos": number(f["ip.dsfield"]),
              "bytes": number(f["ip.len"]), "id": number(f["ip.id"]), "offset": number(f["ip.frag_offset"])}
    else:
        chain = [number(f[k], -1) for k in ("ipv6.nxt", "ipv6.hopopts.nxt", "ipv6.routing.nxt", "ipv6.fraghdr.nxt", "ipv6.dstopts.nxt")]
        p |= {"src_addr": f["ipv6.src"], "dst_addr": f["ipv6.dst"], "proto": [n for n in chain if n >= 0 and n not in EXTENSIONS][0],
              "tos": number(f["ipv6.tclass"]), "bytes": number(f["ipv6.plen"]) + 40, "id": number(f["ipv6.fraghdr.ident"]),
              "offset": number(f["ipv6.fraghdr.offset"])}
    for proto, name in ((6, "tcp"), (17, "udp"), (132, "sctp")):
        if p["proto"] == proto:
            p |= {"src_port": number(f[f"{name}.srcport"]), "dst_port": number(f[f"{name}.dstport"])}
    for proto, name in ((1, "icmp"), (58, "icmpv6")):
        if p["proto"] == proto:
            p["dst_port"] = number(f[f"{name}.type"]) << 8 | number(f[f"{name}.code"])
    if p["proto"] == TCP:
        p["tcp_flags"] = number(f["tcp.flags"]) & 0xFF
    return p


def truth(capture):
    """Flows without timeouts, but a SYN behind FIN or RST begins another."""
    done, open_flows, ports = [], {}, {}
    for p in read(capture):
        fragment = (p["src_addr"], p["dst_addr"], p["proto"], p["id"])
        if p["offset"] == 0:
            ports[fragment] = p["src_port"], p["dst_port"]
        elif fragment in ports:
            p["src_port"], p["dst_port"] = ports[fragment]
        key = tuple(p[k] for k in KEY)
        flow = open_flows.get(key)
        if flow and p["proto"] == TCP and flow["tcp_flags"] & (FIN | RST) and p["tcp_flags"] & SYN:
            done.append(open_flows.pop(key))
            flow = None
        if not flow:
            flow = {k: p[k] for k in KEY} | {"packets": 0, "bytes": 0, "tcp_flags": 0, "first_ms": p["at_ms"], "last_ms": p["at_ms"]}
            open_flows[key] = flow
        flow["packets"] += 1
        flow["bytes"] += p["bytes"]
        flow["tcp_flags"] |= p["tcp_flags"]
        flow["first_ms"] = min(flow["first_ms"], p["at_ms"])
        flow["last_ms"] = max(flow["last_ms"], p["at_ms"])
    return done + list(open_flows.values())


def same(a, b):
    """Are these the same flows? As sorted lists, for a readable difference."""
    def rows(flows):
        return sorted(tuple(sorted((k, str(f[k])) for k in (*KEY, "packets", "bytes", "tcp_flags", "first_ms", "last_ms"))) for f in flows)
    return rows(a) == rows(b) or (rows(a), rows(b))


class Listener:
    """A UDP port that keeps what comes, with the time of it."""

    def __init__(self, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def datagrams(self):
        """All that were sent before the call: loopback keeps nothing back."""
        got = []
        while True:
            try:
                got.append(self.socket.recv(65536))
            except BlockingIOError:
                return got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def write(path, datagrams, port=2055):
    """Datagrams as a capture of raw IP, from 192.0.2.1."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101))
        for i, d in enumerate(datagrams):
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(d), i & 0xFFFF, 0, 64, 17, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
            f.write(struct.pack("<IIII", 1700000000 + i, 0, 28 + len(d), 28 + len(d)))
            f.write(ip + struct.pack(">HHHH", port, port, 8 + len(d), 0) + d)


CFLOW = {"srcaddr": "src_addr", "srcaddrv6": "src_addr", "dstaddr": "dst_addr", "dstaddrv6": "dst_addr", "srcport": "src_port",
         "dstport": "dst_port", "protocol": "proto", "tos": "tos", "packets": "packets", "octets": "bytes", "packets64": "packets",
         "octets64": "bytes", "tcpflags": "tcp_flags", "inputint": "in_if", "outputint": "out_if", "abstimestart": "first_ms",
         "abstimeend": "last_ms", "timestart": "first", "timeend": "last", "flow_end_reason": "end_reason",
         "srcas": "src_as", "dstas": "dst_as", "peer_srcas": "prev_as", "peer_dstas": "next_as", "srcmask": "src_mask", "srcmaskv6": "src_mask",
         "dstmask": "dst_mask", "dstmaskv6": "dst_mask", "nexthop": "next_hop", "nexthopv6": "next_hop", "bgpnexthop": "bgp_next_hop",
         "bgpnexthopv6": "bgp_next_hop", "appl_id.selector_id": "application",
         "appl_id.classification_engine_id": "application_engine"}


def milliseconds(text):
    return round(decimal.Decimal(text) * 1000)


def decode(path, port=2055):
    """(flows, other): every flow record that tshark finds in a capture of datagrams; other counts templates, and what is
    malformed or undecoded, by name."""
    command = [TSHARK, "-n", "-r", str(path), "-d", f"udp.port=={port},cflow", "-T", "pdml"]
    tree = xml.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)
    flows, other = [], collections.Counter()
    for cflow in tree.iter("proto"):
        if cflow.get("name") == "_ws.malformed":
            other["malformed"] += 1
        if cflow.get("name") != "cflow":
            continue
        value = {f.get("name"): f for f in cflow.iter("field")}
        header = {n: int(value[f"cflow.{n}"].get("show")) for n in ("version", "sequence", "source_id", "od_id") if f"cflow.{n}" in value}
        boot = None
        if "cflow.sysuptime" in value:
            seconds = int(value["cflow.unix_secs"].get("value"), 16) if value["cflow.unix_secs"].get("value") else 0
            nanos = int(value["cflow.unix_nsecs"].get("show")) if "cflow.unix_nsecs" in value else 0
            boot = seconds * 1000 + nanos // 1000000 - int(value["cflow.sysuptime"].get("value"), 16)
        for f in cflow.iter("field"):
            other["expert"] += f.get("name") == "_ws.expert"
            other["templates"] += f.get("name") == "cflow.template_frame" or (f.get("show") or "").startswith("Template (Id =")
            names = {c.get("name") for c in f.iter("field")}
            if f.get("name") != "" or not {"cflow.srcaddr", "cflow.srcaddrv6"} & {c.get("name") for c in f} or "cflow.version" in names:
                continue
            flows.append(record(f, boot) | header)
    return flows, other


def record(f, boot):
    flow = {}
    for c in f.iter("field"):
        name = CFLOW.get((c.get("name") or "").removeprefix("cflow."))
        if not name:
            continue
        raw = c.get("value")
        if name.endswith(("_addr", "_hop")):
            flow[name] = str(ipaddress.ip_address(bytes.fromhex(raw)))
        elif name in ("first", "last"):
            flow[f"{name}_ms"] = boot + int(raw, 16)
        else:
            flow[name] = int(raw, 16)
    return flow
