"""Export datagrams in which nearly everything may be missing: IPFIX of many templates, each with some elements.

datagrams() makes them from a seed. Values come from small pools, so that groups meet and filters
select, with a few of the largest that there are; what a record says is chosen independently of the rest.
"""

import struct

# 2023-11-14 22:10 UTC and some minutes: the journal's hour ends meanwhile.
START_MS = 1_700_000_000_000 - 200_000

IPV4 = [f"{a:02x}{b:02x}{c:02x}{d:02x}" for a in (10, 192) for b in (0, 168) for c in (0, 1, 7) for d in (1, 9, 200)]
IPV6 = [f"20010db8{a:08x}{b:08x}0000{c:04x}" for a in (0, 0x10001, 0xff000000) for b in (0, 9) for c in (1, 2, 0xffff)] + ["0" * 32]
MACS = [f"02005e0000{n:02x}" for n in range(5)]
TEXTS = ["", "web", "Web", "two words", "quo'te", 'quo"te', "back\\slash", "größer", "a,b", "zz"]


def number(width, *often, most=None):
    """Makes values of `width` octets: one of these, or any up to `most`."""
    largest = most or (1 << 8 * width) - 1

    def make(random):
        value = random.choice(often) if often and random.random() < 0.9 else random.randint(0, largest)
        return value.to_bytes(width, "big")

    return width, make


def one_of(hexes):
    return len(hexes[0]) // 2, lambda random: bytes.fromhex(random.choice(hexes))


def time(width=8):
    return width, lambda random: (START_MS + random.randint(0, 400_000)).to_bytes(width, "big")


def text():
    def make(random):
        value = random.choice(TEXTS).encode()
        return bytes([len(value)]) + value

    return 0xffff, make


COUNTS = (0, 1, 40, 1500, 999_999, 1_000_000, 1_000_001)
LARGE = 1 << 40

# Element → its length and maker. Of groups in brackets a template has one or none.
ELEMENTS = [
    [{8: one_of(IPV4)}, {27: one_of(IPV6)}, {8: one_of(IPV4), 27: one_of(IPV6)}],
    [{12: one_of(IPV4)}, {28: one_of(IPV6)}],
    [{7: number(2, 0, 53, 443, 1024, 40000)}], [{11: number(2, 0, 53, 80, 443, 65535)}],
    [{4: number(1, 1, 6, 6, 17, 58)}], [{5: number(1, 0, 0x28, 0xb8)}], [{6: number(1, 0, 2, 0x12, 0x1b)}, {6: number(2, 0x102, 0x12)}],
    [{1: number(8, *COUNTS, most=LARGE)}, {1: number(4, *COUNTS)}, {85: number(8, *COUNTS, most=LARGE)}, {231: number(8, *COUNTS, most=LARGE)},
     {232: number(4, *COUNTS)}, {231: number(4, *COUNTS), 232: number(8, *COUNTS, most=LARGE)}, {1: number(4, 7, 8), 85: number(4, 9, 11)}],
    [{2: number(8, 0, 1, 2, 3, most=LARGE)}, {86: number(4, 0, 1, 5)}, {298: number(4, 0, 3)}, {298: number(4, 1), 299: number(4, 1, 2)}],
    [{3: number(4, 0, 1, 7, most=1000)}],
    [{152: time(), 153: time()}, {152: time()}, {153: time()}, {161: number(4, 0, 5, 5000)}, {152: time(), 153: time(), 161: number(4, 17)},
     {22: number(4, 1000, 2000, most=1 << 30), 21: number(4, 1000, 2500, most=1 << 30)}],
    [{10: number(4, 0, 1, 2, 3)}], [{14: number(4, 0, 1, 2)}], [{16: number(4, 0, 65000, 65008, 4_200_000_000)}], [{17: number(2, 0, 65000, 64512)}],
    [{58: number(2, 0, 10, 20)}], [{56: one_of(MACS)}], [{80: one_of(MACS)}], [{147: text()}], [{82: text()}], [{148: number(8, 0, 1)}],
    [{234: number(4, 0, 7)}], [{60: number(1, 4, 6)}], [{9: number(1, 8, 24)}, {29: number(1, 48, 64)}], [{13: number(1, 8, 24)}],
    [{70: one_of(["000641", "000640", "fffff1"])}], [{225: one_of(IPV4)}], [{227: number(2, 0, 1024)}],
    [{34: number(4, 0, 1, 2, 100, most=300)}, {305: number(4, 2, most=2), 306: number(4, 1, 3, most=9)}],
]
RARE = [{230: number(1, 1, 2)}, {233: number(1, 1, 2, 3)}]
KEPT = 0.6  # the chance that a template has something


def template(random):
    """[(element, length, maker)]"""
    elements = {}
    for choices in ELEMENTS:
        if random.random() < KEPT:
            elements |= random.choice(choices)
    if random.random() < 0.15:
        elements |= random.choice(RARE)
    chosen = [(e, length, make) for e, (length, make) in elements.items()]
    random.shuffle(chosen)
    return chosen or [(4, *number(1, 6))]


def message(at_ms, domain, sequence, number_of_set, body):
    data = struct.pack(">HH", number_of_set, 4 + len(body)) + body
    return struct.pack(">HHIII", 10, 16 + len(data), at_ms // 1000, sequence, domain) + data


def datagrams(random, count, templates=60):
    """[(time received in seconds, datagram, sender's port)]: `count` of data, each with its template before it."""
    out = []
    sequence = 0
    for i in range(count):
        # A shape and the domain that sends it, so that domains have several.
        which = random.randrange(templates)
        layout = template(type(random)(f"{which} of {templates}"))
        at_ms = START_MS + i * 400_000 // count
        domain = which % 5
        head = struct.pack(">HH", 256 + which, len(layout)) + b"".join(struct.pack(">HH", e, length) for e, length, _ in layout)
        out.append((at_ms / 1000, message(at_ms, domain, sequence, 2, head), 4000))
        records = [b"".join(make(random) for _, _, make in layout) for _ in range(random.randint(1, 8))]
        out.append((at_ms / 1000, message(at_ms, domain, sequence, 256 + which, b"".join(records)), 4000))
        sequence += len(records)
    return out
