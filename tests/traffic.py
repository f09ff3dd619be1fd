"""Traffic of our own making, and what a flow meter has to say of it.

conversations() is the script: who sends what, when. write() makes a capture of it, flows() the truth:
one Flow for each direction of each conversation, counted from the octets of the packets themselves.
The same script gives the same packets every time; only the time of the first is chosen.

Ethernet frames, whole milliseconds, addresses kept for documentation (RFC 5737, RFC 3849). Short
frames are padded to 60 octets as a network card does, so that a meter that counts padding is found out.
"""

import dataclasses
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
ICMP, TCP, UDP, ESP, ICMP6 = 1, 6, 17, 50, 58

A = "192.0.2.10"
B = "198.51.100.20"
C = "203.0.113.30"
D = "2001:db8::10"
E = "2001:db8:ff::20"

MAC_OF = {A: "02:00:5e:00:00:0a", B: "02:00:5e:00:00:0b", C: "02:00:5e:00:00:0c", D: "02:00:5e:00:00:0d",
          E: "02:00:5e:00:00:0e"}


@dataclasses.dataclass(frozen=True)
class Packet:
    """One packet at `at` ms after the first. ICMP: type and code are in ports, as (type, code)."""

    at: int
    src: str
    dst: str
    proto: int
    ports: tuple = (0, 0)
    payload: int = 0
    flags: int = 0
    tos: int = 0
    vlan: int = 0

    @property
    def key(self):
        return (self.src, self.dst, self.proto, self.ports, self.tos, self.vlan)


@dataclasses.dataclass
class Flow:
    """What is true of one direction; times in ms since 1970, padded_bytes: what pads short frames counted too."""

    src: str
    dst: str
    proto: int
    src_port: int
    dst_port: int
    tos: int
    vlan: int
    icmp_type: int | None
    icmp_code: int | None
    packets: int
    bytes: int
    padded_bytes: int
    tcp_flags: int
    first_ms: int
    last_ms: int

    @property
    def ip_version(self):
        return ipaddress.ip_address(self.src).version

    def reverses(self, other):
        """Is this the other direction of that conversation? ICMP's question and answer are two."""
        return self.icmp_type is None and (self.dst, self.src, self.dst_port, self.src_port, self.proto, self.vlan) == (
            other.src, other.dst, other.src_port, other.dst_port, other.proto, other.vlan)


def tcp(at, client, server, ports, sizes, tos=(0, 0), vlan=0):
    """A connection from SYN to the last ACK. sizes: octets sent, above 0 by the client, below by the server."""
    there = {"src": client, "dst": server, "proto": TCP, "ports": ports, "tos": tos[0], "vlan": vlan}
    back = {"src": server, "dst": client, "proto": TCP, "ports": ports[::-1], "tos": tos[1], "vlan": vlan}
    steps = [(there, SYN, 0), (back, SYN | ACK, 0), (there, ACK, 0)]
    steps += [(there, PSH | ACK, n) if n > 0 else (back, PSH | ACK, -n) for n in sizes]
    steps += [(there, FIN | ACK, 0), (back, FIN | ACK, 0), (there, ACK, 0)]
    return [Packet(at=at + 7 * i, flags=flags, payload=n, **side) for i, (side, flags, n) in enumerate(steps)]


def ask(at, proto, a, b, ports, back_ports, payload, tos=(0, 0), vlan=0, times=1):
    """Questions and answers, 20 ms apart."""
    out = []
    for i in range(times):
        out.append(Packet(at + 40 * i, a, b, proto, ports, payload[0], 0, tos[0], vlan))
        out.append(Packet(at + 40 * i + 20, b, a, proto, back_ports, payload[1], 0, tos[1], vlan))
    return out


def conversations():
    packets = tcp(0, A, B, (40001, 443), [517, -1400, -1400, -900, 120, -1400], tos=(0x00, 0x28))
    # refused: SYN, RST; and one that is reset when it was open, with every flag that there is
    packets += [Packet(11, A, B, TCP, (40002, 23), 0, SYN), Packet(13, B, A, TCP, (23, 40002), 0, RST | ACK)]
    packets += [
        Packet(30, C, A, TCP, (50003, 8080), 0, SYN | ECE | CWR),
        Packet(32, A, C, TCP, (8080, 50003), 0, SYN | ACK | ECE),
        Packet(34, C, A, TCP, (50003, 8080), 33, URG | PSH | ACK),
        Packet(36, A, C, TCP, (8080, 50003), 0, RST),
    ]
    packets += ask(50, UDP, A, C, (5353, 53), (53, 5353), (40, 212), times=2)
    packets += [Packet(100 + 5 * i, B, C, UDP, (6000, 6001), 172, 0, 0xB8) for i in range(12)]  # one way, voice
    packets += [Packet(170 + i, C, B, UDP, (7000, 7001), 1472) for i in range(3)]  # full packets
    packets += ask(200, ICMP, A, B, (8, 0), (0, 0), (56, 56), times=3)
    packets += [Packet(230, B, A, ICMP, (3, 3), 28)]
    packets += [Packet(240 + 10 * i, A, C, ESP, payload=100 + i) for i in range(4)]
    packets += tcp(300, D, E, (40006, 80), [300, -1300, -700], tos=(0x20, 0x00))
    packets += ask(310, UDP, D, E, (40007, 53), (53, 40007), (33, 120))
    packets += ask(320, ICMP6, D, E, (128, 0), (129, 0), (64, 64), times=2)
    packets += ask(330, UDP, A, B, (40008, 123), (123, 40008), (48, 48), vlan=100)
    return sorted(packets, key=lambda p: p.at)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def transport(p, src, dst):
    """TCP, UDP, ICMP or ESP with its checksum."""
    body = bytes(i & 0xFF for i in range(p.payload))
    if p.proto == ESP:
        return struct.pack(">II", 0x1234, p.at) + body
    if p.proto == TCP:
        at, head = 16, struct.pack(">HHIIBBHHH", *p.ports, 1000 + p.at, 2000 if p.flags & ACK else 0, 5 << 4, p.flags,
                                   64240, 0, 0)
    elif p.proto == UDP:
        at, head = 6, struct.pack(">HHHH", *p.ports, 8 + p.payload, 0)
    else:
        at, head = 2, struct.pack(">BBHHH", *p.ports, 0, 77, p.at)
    pseudo = b"" if p.proto == ICMP else src + dst + struct.pack(">II", len(head) + len(body), p.proto)
    return head[:at] + struct.pack(">H", checksum(pseudo + head + body)) + head[at + 2:] + body


def ip_packet(p):
    src, dst = (ipaddress.ip_address(a).packed for a in (p.src, p.dst))
    body = transport(p, src, dst)
    if len(src) == 16:
        return struct.pack(">IHBB", 6 << 28 | p.tos << 20 | 0x12345, len(body), p.proto, 64) + src + dst + body
    head = struct.pack(">BBHHHBBH", 0x45, p.tos, 20 + len(body), 4660 + p.at, 0, 64, p.proto, 0) + src + dst
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def frame(p):
    packet = ip_packet(p)
    ethertype = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    macs = b"".join(bytes.fromhex(MAC_OF[a].replace(":", "")) for a in (p.dst, p.src))
    tag = struct.pack(">HH", 0x8100, p.vlan) if p.vlan else b""
    return (macs + tag + struct.pack(">H", ethertype) + packet).ljust(60, b"\0")


def write(path, start_ms):
    """The capture, its first packet at start_ms."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for p in conversations():
            data = frame(p)
            seconds, ms = divmod(start_ms + p.at, 1000)
            f.write(struct.pack("<IIII", seconds, ms * 1000, len(data), len(data)) + data)


def flows(start_ms):
    """One Flow for each direction of each conversation, in the order of their first packets."""
    seen = {}
    for p in conversations():
        now = start_ms + p.at
        flow = seen.get(p.key)
        if flow is None:
            icmp = p.proto in (ICMP, ICMP6)
            flow = seen[p.key] = Flow(
                src=p.src, dst=p.dst, proto=p.proto, src_port=0 if icmp else p.ports[0], dst_port=0 if icmp else p.ports[1],
                tos=p.tos, vlan=p.vlan, icmp_type=p.ports[0] if icmp else None, icmp_code=p.ports[1] if icmp else None,
                packets=0, bytes=0, padded_bytes=0, tcp_flags=0, first_ms=now, last_ms=now)
        flow.packets += 1
        flow.bytes += len(ip_packet(p))
        flow.padded_bytes += len(frame(p)) - (18 if p.vlan else 14)
        flow.tcp_flags |= p.flags
        flow.last_ms = now
    return list(seen.values())
