"""Random questions, each as `weir query` and as SQL has it.

The SQL is about the table that TABLE makes of a store's files: columns as they are stored (times as
milliseconds), and what docs/filter.md and docs/query.md say that bytes, packets, duration and rates
mean, said here once more in SQL. Every comparison of a filter is false where a column is null.
"""

import dataclasses
import ipaddress

LARGEST = 2**64 - 1

TABLE = """
CREATE TABLE stored AS SELECT {columns} FROM read_parquet({files}, union_by_name = true, hive_partitioning = false);

CREATE MACRO together(a, b) AS CASE WHEN a IS NULL AND b IS NULL THEN NULL
    ELSE least(coalesce(a, 0)::HUGEINT + coalesce(b, 0)::HUGEINT, 18446744073709551615::HUGEINT)::UBIGINT END;
CREATE MACRO span(a, b) AS CASE WHEN b >= a THEN (b - a)::UBIGINT END;

CREATE TABLE measured AS SELECT *,
    coalesce(bytes, bytes_total, together(initiator_bytes, responder_bytes)) AS m_bytes,
    coalesce(packets, packets_total, together(initiator_packets, responder_packets)) AS m_packets,
    coalesce(span(first_ms, last_ms), span(first_uptime_ms, last_uptime_ms), duration_ms) AS m_duration,
    coalesce(dscp, (tos >> 2)::UTINYINT) AS m_dscp,
    CASE WHEN flows_in_record > 0 THEN flows_in_record ELSE 1 END AS m_flows,
    CASE WHEN rate > 0 AND isfinite(rate) THEN rate ELSE 1 END AS factor
FROM stored;

-- Multiplied by a whole rate exactly, else as doubles, what is behind the point apart.
CREATE MACRO product(v, r) AS CASE WHEN floor(r) = r THEN v::HUGEINT * r::HUGEINT ELSE floor(v::DOUBLE * r)::HUGEINT END;
CREATE MACRO whole(v, r) AS least(product(coalesce(v, 0), r), 18446744073709551615::HUGEINT);
CREATE MACRO rest(v, r) AS CASE WHEN floor(r) = r THEN 0 ELSE coalesce(v, 0)::DOUBLE * r - floor(coalesce(v, 0)::DOUBLE * r) END;

CREATE TABLE flows AS SELECT *,
    CASE WHEN m_duration > 0 THEN m_bytes::DOUBLE * 8000 / m_duration::DOUBLE END AS m_bps,
    CASE WHEN m_duration > 0 THEN m_packets::DOUBLE * 1000 / m_duration::DOUBLE END AS m_pps,
    CASE WHEN m_packets > 0 THEN m_bytes::DOUBLE / m_packets::DOUBLE END AS m_bpp,
    whole(m_bytes, factor) AS bytes_whole, rest(m_bytes, factor) AS bytes_rest,
    whole(m_packets, factor) AS packets_whole, rest(m_packets, factor) AS packets_rest
FROM measured;
"""


def load(duckdb, catalogue, files):
    """Make the table of these files."""
    columns = ", ".join(f'epoch_ms("{n}") AS "{n}"' if kind == "time" else f'"{n}"' for n, kind in catalogue.items())
    duckdb.execute(TABLE.format(columns=columns, files=repr([str(f) for f in files])))


def sum_of(what, raw):
    if raw:
        return f"least(coalesce(sum(m_{what}::HUGEINT), 0), 18446744073709551615)"
    return f"least(coalesce(sum({what}_whole) + round(sum({what}_rest))::HUGEINT, 0), 18446744073709551615)"


def sums(raw):
    """flows, packets, bytes, first and last of a group."""
    return f"{sum_of('flows', True)}, {sum_of('packets', raw)}, {sum_of('bytes', raw)}, min(first_ms), max(last_ms)"


# Words of the filter language → the columns they are about.
SIDES = {
    "ip": ("src_addr", "dst_addr"), "host": ("src_addr", "dst_addr"), "net": ("src_addr", "dst_addr"), "addr": ("src_addr", "dst_addr"),
    "src ip": ("src_addr",), "dst net": ("dst_addr",), "src": ("src_addr",), "dst": ("dst_addr",), "src host": ("src_addr",),
    "port": ("src_port", "dst_port"), "src port": ("src_port",), "dst port": ("dst_port",), "as": ("src_as", "dst_as"),
    "src as": ("src_as",), "dst_as": ("dst_as",), "src mac": ("src_mac",),
    "mac": ("src_mac", "dst_mac", "post_src_mac", "post_dst_mac"), "out mac": ("post_src_mac", "post_dst_mac"), "mask": ("src_mask", "dst_mask"),
    "if": ("in_if", "out_if"), "in if": ("in_if",), "out if": ("out_if",), "vrf": ("in_vrf", "out_vrf"), "protocol": ("proto",),
    "vlan": ("vlan", "post_vlan"), "nat ip": ("nat_src_addr", "nat_dst_addr"), "nat src port": ("nat_src_port",), "dscp": ("m_dscp",),
    "flows": ("m_flows",), "in vlan": ("vlan",), "out vlan": ("post_vlan",), "in tos": ("tos",), "bytes": ("m_bytes",), "packets": ("m_packets",),
    "duration": ("m_duration",), "bps": ("m_bps",), "pps": ("m_pps",), "bpp": ("m_bpp",),
}
MEASURES = {"m_dscp": "u8", "m_flows": "u64", "m_bytes": "u64", "m_packets": "u64", "m_duration": "duration", "m_bps": "f64", "m_pps": "f64", "m_bpp": "f64"}
FLAGS = "FSRPAUEC"


def is_ipv4(column):
    return f"hex({column}) LIKE '00000000000000000000FFFF%'"


def quoted(value):
    return "'" + value.replace("'", "''") + "'"


@dataclasses.dataclass
class Term:
    weir: str
    sql: str
    kind: bool = False  # it names a kind of record


class Value:
    """A value of a column as both languages write it; `number` is what ranges go by."""

    def __init__(self, kind, value):
        self.kind = kind
        self.number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
        if kind in ("address", "mac", "bytes"):
            self.sql = f"unhex('{value.hex()}')"
            self.weir = {"address": address_text, "mac": lambda v: v.hex(":"), "bytes": lambda v: v.hex()}[kind](value)
        elif kind in ("text", "name"):
            self.sql = quoted(value)
            self.weir = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if kind == "text" else value
        else:
            self.sql = f"{value!r}::DOUBLE" if kind == "f64" else str(value)
            self.weir = f"{value}ms" if kind == "duration" else repr(value)


def address_text(packed):
    address = ipaddress.ip_address(bytes(packed))
    return str(address.ipv4_mapped or address)


class Questions:
    """Makes them from what the table holds."""

    def __init__(self, random, duckdb, catalogue):
        self.random = random
        self.kinds = {n: kind for n, kind in catalogue.items() if n not in ("extra", "dscp", "post_dscp")} | MEASURES
        self.pools = {}
        for name in self.kinds:
            values = duckdb.execute(f'SELECT DISTINCT "{name}" FROM flows WHERE "{name}" IS NOT NULL ORDER BY 1').fetchall()
            self.pools[name] = [v for v, in random.sample(values, min(len(values), 60))]
        self.used = [n for n in catalogue if self.pools.get(n)]
        words = {w: c for w, c in SIDES.items() if all(self.pools[x] for x in c)}
        common = [*words, "src_addr", "dst_port", "tcp_flags", "in_if", "kind", "rate", "time_ms", "last_ms", "tos", "proto"]
        self.words = words | {n: (n,) for n in self.used if n not in SIDES}
        self.common = [word for word in common if word in self.words]

    def pick(self, column):
        kind = self.kinds[column]
        value = self.random.choice(self.pools[column])
        if kind in ("u8", "u16", "u32", "u64", "time", "duration"):
            near = value + self.random.choice((0, 0, 0, 1, -1))
            value = near if 0 <= near <= {"m_dscp": 63}.get(column, LARGEST) and near <= {"u8": 255, "u16": 65535, "u32": 2**32 - 1}.get(kind, LARGEST) else value
        return Value(kind, bytes(value) if isinstance(value, (bytes, bytearray)) else value)

    def ordered(self, column):
        return self.kinds[column] not in ("name", "bytes")

    def item(self, columns):
        """A value, a range or a prefix: its text, and SQL about one of the columns ("@")."""
        column = self.random.choice(columns)
        kind = self.kinds[column]
        a = self.pick(column)
        dice = self.random.random()
        if kind == "address" and dice < 0.4:
            return self.prefix(self.random.choice(self.pools[column]))
        if kind in ("u8", "u16", "u32", "u64", "address", "time", "duration", "mac", "f64") and dice < 0.6:
            b = self.pick(column)
            a, b = sorted((a, b), key=lambda v: v.number)
            dots = ".." if kind in ("time", "mac", "f64") or self.random.random() < 0.5 else "-"
            return f"{a.weir}{dots}{b.weir}", f"(@ >= {a.sql} AND @ <= {b.sql})"
        if kind == "u8" and column == "proto" and a.number in (6, 17) and dice < 0.8:
            return {6: "tcp", 17: "UDP"}[a.number], f"@ = {a.sql}"
        return a.weir, f"@ = {a.sql}"

    def prefix(self, packed):
        address = ipaddress.ip_address(bytes(packed))
        ipv4 = address.ipv4_mapped
        bits = self.random.choice((0, 1, 8, 17, 24, 31, 32) if ipv4 else (1, 16, 33, 48, 64, 96, 128))
        net = ipaddress.ip_network((ipv4 or address, bits), strict=False)
        first, last = net[0], net[-1]
        low, high = (f"unhex('{('0' * 20 + 'ffff' if ipv4 else '') + a.packed.hex()}')" for a in (first, last))
        return f"{ipv4 or address}/{bits}", f"(@ >= {low} AND @ <= {high})"

    def about(self, columns, condition, every=False):
        one = [f"coalesce({condition.replace('@', c)}, false)" for c in columns]
        return "(" + (" AND " if every else " OR ").join(one) + ")"

    def flags(self):
        letters = "".join(self.random.sample(FLAGS, self.random.randint(1, 3)))
        mask = sum(1 << FLAGS.index(letter) for letter in letters)
        some = f"coalesce(tcp_flags & {mask} > 0, false)"
        return self.random.choice((
            Term(f"flags {letters}", f"coalesce(tcp_flags & {mask} = {mask}, false)"), Term(f"flags any {letters}", some),
            Term(f"flags none {letters}", f"(tcp_flags IS NOT NULL AND NOT {some})")))

    def family(self):
        word = self.random.choice(("inet", "ipv4", "inet6", "ipv6"))
        version, yes = (6, "NOT ") if word.endswith("6") else (4, "")
        either = " OR ".join(f"coalesce({yes}{is_ipv4(c)} AND {c} IS NOT NULL, false)" for c in ("src_addr", "dst_addr"))
        return Term(word, f"({either} OR coalesce(ip_version = {version}, false))")

    def comparison(self):
        word = self.random.choice(list(self.words if self.random.random() < 0.4 else self.common))
        columns = self.words[word]
        text = word.replace("_", " ") if self.random.random() < 0.3 else word
        kind = columns[0] in ("kind", "fw_event", "fw_ext_event", "nat_event")  # which flows do not have
        dice = self.random.random()
        if dice < 0.15:
            return Term(f"has {text}", self.about(columns, "@ IS NOT NULL"), kind)
        if dice < 0.4:
            items = [self.item(columns) for _ in range(self.random.randint(1, 5))]
            inverse = self.random.random() < 0.3
            listed = self.random.choice((", ", " ")).join(text for text, _ in items)
            condition = self.about(columns, "(" + " OR ".join(sql for _, sql in items) + ")")
            return Term(f"{text} {'not ' if inverse else ''}in [{listed}]", f"NOT {condition}" if inverse else condition, kind)
        if dice < 0.6 and self.ordered(columns[0]):
            operator = self.random.choice(("<", "<=", ">", ">="))
            value = self.pick(self.random.choice(columns))
            return Term(f"{text} {operator} {value.weir}", self.about(columns, f"@ {operator} {value.sql}"), kind)
        value, condition = self.item(columns)
        if dice < 0.7:
            return Term(f"{text} {self.random.choice(('!=', '<>'))} {value}", self.about(columns, f"NOT {condition}", every=True), kind)
        return Term(f"{text} {self.random.choice(('=', '==', ''))} {value}", self.about(columns, condition), kind)

    def term(self):
        dice = self.random.random()
        if dice < 0.04:
            return Term("any", "true")
        if dice < 0.08:
            return Term("kind any", "true", True)
        if dice < 0.13:
            return self.family()
        if dice < 0.2:
            return self.flags()
        return self.comparison()

    def tree(self, depth=0):
        dice = self.random.random()
        if depth > 3 or dice < 0.45:
            return self.term()
        if dice < 0.6:
            inner = self.tree(depth + 1)
            return Term(f"{self.random.choice(('not ', '! '))}({inner.weir})", f"(NOT {inner.sql})", inner.kind)
        parts = [self.tree(depth + 1) for _ in range(self.random.randint(2, 3))]
        joined = self.random.choice((("and", "AND"), ("&&", "AND"), ("or", "OR"), ("||", "OR")))
        return Term("(" + f" {joined[0]} ".join(p.weir for p in parts) + ")", "(" + f" {joined[1]} ".join(p.sql for p in parts) + ")",
                    any(p.kind for p in parts))

    def filter(self):
        """A filter with the kind that it implies."""
        term = self.tree() if self.random.random() < 0.85 else Term("", "true")
        return term if term.kind else Term(term.weir, f"({term.sql} AND coalesce(kind = 'flow', false))")

    def key(self):
        """The word of --by, the column of the answer, SQL, and how to show its values."""
        name = self.random.choice([n for n in self.used if n in self.kinds])
        kind = self.kinds[name]
        column = f"by_{name}" if name in ("bytes", "packets", "first_ms", "last_ms") else name
        if name in ("bytes", "packets"):
            return name, column, f"m_{name}", plain
        if kind == "address" and self.random.random() < 0.6:
            return self.masked(name)
        if kind == "time":
            ms = self.random.choice((1, 1000, 7000, 60_000, 300_000, 3_600_000))
            return f"{name}/{ms}ms", column, f"{name} - (({name} % {ms}) + {ms}) % {ms}", plain
        return name, column, f'"{name}"', {"address": address_text, "mac": lambda v: v.hex(":"), "bytes": bytes.hex}.get(kind, plain)

    def masked(self, name):
        v4, v6 = self.random.choice((0, 8, 15, 24, 32)), self.random.choice((0, 20, 56, 64, 128))
        if self.random.random() < 0.3:
            word, v6 = f"{name}/{v4}", 64
        else:
            word = f"{name}/{v4},{v6}"
        sql = f"CASE WHEN {is_ipv4(name)} THEN 'v4 ' || substr({name}::BIT::VARCHAR, 97, {v4}) ELSE 'v6 ' || substr({name}::BIT::VARCHAR, 1, {v6}) END"

        def show(value):
            family, bits = value.split(" ")
            width, make = (32, ipaddress.IPv4Network) if family == "v4" else (128, ipaddress.IPv6Network)
            return str(make((int(bits.ljust(width, "0"), 2), len(bits))))

        return word, name, sql, show

    def keys(self):
        chosen = {}
        for _ in range(self.random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            key = self.key()
            chosen[key[1]] = key
        return list(chosen.values())


def plain(value):
    return value
