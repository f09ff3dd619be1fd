"""Exporters made by hand, of every version: each makes the datagrams that such a device would send.

A Device has a clock and an uptime that go with the test's time, numbers its datagrams as its version asks
(docs of Cisco, RFC 3954 section 5.1, RFC 7011 section 3.1), and tells in its records all that Weir looks for, so that
nothing is wrong with it unless a test says otherwise.
"""

import socket
import struct
import time

# Element → octets, of a record that tells everything; v9 has uptimes (22, 21), IPFIX clock times (152, 153).
FIELDS = {8: 4, 12: 4, 7: 2, 11: 2, 4: 1, 6: 1, 10: 4, 14: 4, 16: 4, 17: 4, 9: 1, 13: 1, 1: 8, 2: 8}
TIMES = {9: {22: 4, 21: 4}, 10: {152: 8, 153: 8}}
V8 = {1: 28, 2: 28, 3: 32, 4: 32, 5: 40, 6: 32, 7: 40, 8: 44, 9: 32, 10: 32, 11: 32, 12: 32, 13: 40, 14: 40}  # record lengths
DEFAULTS = {8: 0xC0000201, 12: 0xC6336402, 7: 40000, 11: 443, 4: 6, 6: 0x1B, 10: 1, 14: 2, 16: 64500, 17: 64501, 9: 24, 13: 22,
            1: 1500, 2: 3, 61: 0, 48: 0}
OPTIONS_TEMPLATE = {9: 1, 10: 3}
TEMPLATE = {9: 0, 10: 2}


def now():
    return int(time.time() * 1000)


class Device:
    """clock_ms: how far its clock is ahead; lasted_ms: how long its flows are; at(): the test's time."""

    def __init__(self, version, source=0, address="127.0.0.1", clock_ms=0, uptime_ms=3_600_000, sequence=0, sampling=0, fields=None,
                 template_id=256, aggregation=1, lasted_ms=900, at=now):
        self.version, self.source, self.address = version, source, address
        self.clock_ms, self.sequence, self.sampling = clock_ms, sequence, sampling
        self.at = at
        self.boot_ms = at() - uptime_ms
        self.fields = dict(FIELDS | TIMES.get(version, {}) if fields is None else fields)
        self.template_id, self.aggregation, self.lasted_ms = template_id, aggregation, lasted_ms
        self.ports = 20000
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))

    @property
    def name(self):
        return "%s:%d" % self.socket.getsockname()

    def uptime(self, at_ms=None):
        return ((self.at() if at_ms is None else at_ms) - self.boot_ms) % 2**32

    def reboot(self):
        """Its uptime and its numbers begin anew."""
        self.boot_ms = self.at() - 1000
        self.sequence = 0

    # --- records ---

    def value(self, element, said):
        end_ms = said.get("last_ms", self.at() + self.clock_ms)
        first_ms = said.get("first_ms", end_ms - self.lasted_ms)
        times = {22: self.uptime(first_ms - self.clock_ms), 21: self.uptime(end_ms - self.clock_ms), 152: first_ms, 153: end_ms}
        return said.get(element, times.get(element, DEFAULTS.get(element, 0)))

    def record(self, said):
        if 7 not in said:
            self.ports = 20000 + (self.ports - 19999) % 40000
            said = {7: self.ports} | said
        if self.version >= 9:
            return b"".join((self.value(e, said) % 2**(8 * n)).to_bytes(n, "big") for e, n in self.fields.items())
        if self.version == 8:
            return self.aggregate(said)
        v = lambda e, n: (self.value(e, said) % 2**(8 * n)).to_bytes(n, "big")
        body = v(8, 4) + v(12, 4) + v(15, 4) + v(10, 2) + v(14, 2) + v(2, 4) + v(1, 4) + v(22, 4) + v(21, 4) + v(7, 2) + v(11, 2)
        if self.version == 1:
            return body + bytes(2) + v(4, 1) + v(5, 1) + v(6, 1) + bytes(7)
        body += bytes(1) + v(6, 1) + v(4, 1) + v(5, 1) + v(16, 2) + v(17, 2) + v(9, 1) + v(13, 1) + bytes(2)
        return body if self.version == 5 else body + bytes(4)

    def aggregate(self, said):
        v = lambda e: (self.value(e, said) % 2**32).to_bytes(4, "big")
        length = V8[self.aggregation]
        if self.aggregation == 6:
            body = v(12) + v(2) + v(1) + v(22) + v(21)
        elif self.aggregation == 7:
            body = v(12) + v(8) + v(2) + v(1) + v(22) + v(21)
        elif self.aggregation == 8:
            body = v(12) + v(8) + bytes(4) + v(2) + v(1) + v(22) + v(21)
        else:
            body = (1).to_bytes(4, "big") + v(2) + v(1) + v(22) + v(21)
        return body.ljust(length, b"\0")

    # --- datagrams ---

    def head(self, count, units):
        """And the numbers move on by `units`."""
        secs, ms = divmod(self.at() + self.clock_ms, 1000)
        number = self.sequence
        self.sequence = (self.sequence + units) % 2**32
        if self.version == 10:
            return lambda n: struct.pack(">HHIII", 10, 16 + n, secs, number, self.source)
        start = struct.pack(">HHII", self.version, count, self.uptime(), secs)
        if self.version == 9:
            return lambda n: start + struct.pack(">II", number, self.source)
        start += struct.pack(">I", ms * 1_000_000)
        engine = struct.pack(">BB", self.source >> 8, self.source & 0xFF)
        behind = {1: b"", 5: engine + struct.pack(">H", self.sampling), 6: engine + bytes(2), 7: bytes(4),
                  8: engine + bytes([self.aggregation, 2]) + bytes(4)}[self.version]
        return lambda n: start + (struct.pack(">I", number) if self.version > 1 else b"") + behind

    def made(self, body, count, units):
        return self.head(count, units)(len(body)) + body

    def template(self):
        body = struct.pack(">HH", self.template_id, len(self.fields)) + b"".join(struct.pack(">HH", e, n) for e, n in self.fields.items())
        return self.set(TEMPLATE[self.version], body)

    @staticmethod
    def set(number, body):
        return struct.pack(">HH", number, 4 + len(body)) + body

    def flows(self, *said, template=False):
        """A datagram with a record for each dict of what it says otherwise than DEFAULTS."""
        records = b"".join(map(self.record, said))
        if self.version < 9:
            return self.made(records, len(said), len(said))
        body = self.template() if template else b""
        body += self.set(self.template_id, records) if said else b""
        return self.made(body, len(said) + template, 1 if self.version == 9 else len(said))

    def options(self, scope, fields, *values, template_id=999):
        """Options data with its template; scope and fields are {element: octets}, a dict of values for each record. v9
        scopes have numbers of their own: 1 system, 2 interface."""
        both = scope | fields
        pairs = b"".join(struct.pack(">HH", e, n) for e, n in both.items())
        if self.version == 9:
            body = struct.pack(">HHH", template_id, 4 * len(scope), 4 * len(fields)) + pairs
            body += bytes(-(4 + len(body)) % 4)
        else:
            body = struct.pack(">HHH", template_id, len(both), len(scope)) + pairs
        body = self.set(OPTIONS_TEMPLATE[self.version], body)
        rows = (v[e] if isinstance(v[e], bytes) else v[e].to_bytes(n, "big") for v in values for e, n in both.items())
        body += self.set(template_id, b"".join(rows))
        return self.made(body, 1 + len(values), 1 if self.version == 9 else len(values))

    def names(self, *interfaces):
        """The names of interfaces, as `option interface-table` sends them."""
        scope = {2: 4} if self.version == 9 else {10: 4}
        element = 2 if self.version == 9 else 10
        return self.options(scope, {82: 16}, *({element: i, 82: f"eth{i}".encode().ljust(16, b"\0")} for i in interfaces), template_id=998)

    def send(self, port, *datagrams):
        for d in datagrams:
            self.socket.sendto(d, ("127.0.0.1", port))

    def hello(self, port, n=3):
        """What a device with which nothing is wrong sends: templates, names, flows. How many datagrams."""
        many = [self.names(1, 2)] if self.version >= 9 else []
        many += [self.flows({}, {}, template=self.version >= 9) for _ in range(n)]
        self.send(port, *many)
        return len(many)
