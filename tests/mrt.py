"""Dumps of BGP's routes, as RFC 6396 section 4.3 lays them out: TABLE_DUMP_V2."""

import ipaddress
import struct

RIB = {4: 2, 6: 4}  # subtypes: of IPv4's and IPv6's unicast routes
AS_PATH, NEXT_HOP, MP_REACH = 2, 3, 14


def attribute(kind, value):
    return struct.pack(">BBB", 0x40, kind, len(value)) + value


def record(subtype, body):
    return struct.pack(">IHHI", 1700000000, 13, subtype, len(body)) + body


def route(prefix, next_hop, *path):
    net, via = ipaddress.ip_network(prefix), ipaddress.ip_address(next_hop)
    attributes = attribute(AS_PATH, struct.pack(f">BB{len(path)}I", 2, len(path), *path) if path else b"")
    attributes += attribute(NEXT_HOP, via.packed) if via.version == 4 else attribute(MP_REACH, bytes([16]) + via.packed)
    body = struct.pack(">IB", 1, net.prefixlen) + net.network_address.packed[:(net.prefixlen + 7) // 8]
    body += struct.pack(">HHIH", 1, 0, 1700000000, len(attributes)) + attributes
    return record(RIB[net.version], body)


def dump(*routes):
    """Of a router that has one neighbour: (prefix, next hop, AS...)."""
    peers = bytes([192, 0, 2, 1]) + struct.pack(">HH", 0, 1) + struct.pack(">B4s4sI", 2, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 1]), 65006)
    return record(1, peers) + b"".join(route(*r) for r in routes)
