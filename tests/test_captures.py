"""weir decode against an independent decoder's reading of real exports, field by field."""

import ipaddress
import json
import subprocess

import pytest

import captures

pytestmark = pytest.mark.skipif(not captures.with_expectation(), reason="no ../shared/captures here")

# What every record of ours has besides what is on the wire.
DERIVED = {"frame", "sequence", "set", "held", "kind", "time_ms", "received_ms", "rate", "rate_from", "extra"}

# The expectation leaves it out, though tshark shows it (element 161).
DERIVED |= {"duration_ms"}

# Where the expectation is wrong; ../shared/captures/NOTES.md says why.
TSHARK_STOPS = {
    "v9-h3c": "tshark stops at a field of unusual length; the template's length counts: 16 records",
    "v9-graylog-1": "tshark stops after as many sets as the header counts; lengths decide",
    "v9-invalid01": "tshark stops after as many sets as the header counts; lengths decide",
}
HEADER_COUNTS_TOO_MANY = {"v5-invalid01"}


def decode(weir, path):
    run = subprocess.run([weir, "decode", path], capture_output=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def is_zero(text):
    return int(ipaddress.ip_address(text)) == 0 if isinstance(text, str) else text == 0


class Record:
    """One expected record beside one of ours; what is accounted for is ticked off."""

    def __init__(self, want, have):
        self.want = want
        self.have = have
        self.extra = dict(have.get("extra", {}))
        self.seen = set(DERIVED)
        self.wrong = []

    def check(self, ok, what):
        if not ok:
            self.wrong.append(what)

    def column(self, name, value):
        self.seen.add(name)
        if isinstance(value, str) and value.startswith("::ffff:"):  # one text for IPv4, wherever it comes from
            value = value.removeprefix("::ffff:")
        self.check(self.have.get(name) == value, f"{name}: expected {value!r}, have {self.have.get(name)!r}")

    def in_extra(self, key, shown, raw=False):
        hexes = self.extra.pop(key, [])
        self.check(captures.same_extra(hexes, shown, raw), f"extra {key}: expected {shown}, have {hexes}")

    def twin(self, name):
        """An IPv4 and an IPv6 element of one kind: the one that is not all zero."""
        v4, v6 = self.want[name], self.want[name + "6"]
        both = not is_zero(v4) and not is_zero(v6)
        self.column(name, v6 if is_zero(v4) and not is_zero(v6) else v4)
        if both:
            self.extra.pop({"src_addr": "0/27", "dst_addr": "0/28"}.get(name), None)

    def header(self):
        for ours, theirs in (("frame", "pkt"), ("exporter", "exporter"), ("version", "version"),
                             ("export_ms", "export_ms"), ("set", "set"), ("domain", "domain")):
            if theirs in self.want:
                self.column(ours, self.want[theirs])
        if "seq" in self.want:
            self.column("sequence", self.want["seq"])
        if "engine" in self.want and self.want["version"] != 7:
            kind, number = self.want["engine"].split("/")
            self.column("engine_type", int(kind))
            self.column("engine_id", int(number))
        if self.want.get("sampling_rate"):
            self.check((self.have["rate"], self.have["rate_from"]) == (self.want["sampling_rate"], "header"),
                       f"rate: {self.have['rate']} from {self.have['rate_from']}")

    def other(self, name, shown):
        number = name.rsplit("/", 1)[-1]
        owner = name.rsplit("/", 1)[0]
        if name in captures.COLUMN:
            column = captures.COLUMN[name]
            self.seen.add(column)
            self.check(captures.same_column(self.have.get(column), shown),
                       f"{column}: expected {shown!r}, have {self.have.get(column)!r}")
        elif name in captures.EXTRA:
            self.in_extra(captures.EXTRA[name], shown)
        elif owner == "ie":
            self.in_extra(f"0/{number}", shown, raw=True)
        elif owner in captures.ENTERPRISE:
            self.in_extra(f"{captures.ENTERPRISE[owner]}/{number}", shown, raw=True)
        elif owner == "(Unknown)":
            keys = [k for k in self.extra if k.endswith("/" + number)]
            self.check(len(keys) == 1, f"{name}: in extra as {keys}")
            for key in keys:
                self.in_extra(key, shown, raw=True)
        else:
            self.wrong.append(f"other {name}: no such mapping")

    def fields(self):
        skip = {"pkt", "exporter", "version", "domain", "engine", "seq", "export_ms", "kind", "set", "other",
                "sampling_mode", "sampling_rate"}
        for name, value in self.want.items():
            base = name[:-1]
            if name in skip or (name.endswith("6") and base in self.want and base not in captures.RENAMED):
                continue
            if name + "6" in self.want and name + "6" not in captures.RENAMED:
                self.twin(name)
            elif name == "icmp_type6#2":
                continue
            elif "#" in name:
                self.repeated(name.split("#")[0], value)
            elif name in ("icmp_type_code", "rev_icmp_type_code"):
                self.icmp(name, value)
            elif name == "rev_icmp_code6":  # shown of element 139, as icmp_type6#2 with it
                self.in_extra("29305/139", str(self.want["icmp_type6#2"] << 8 | value))
            elif name == "mpls":
                self.column("mpls", "".join(value))
            elif name.endswith("6") and name not in captures.RENAMED and name[:-1] in ("src_addr", "dst_addr"):
                self.column(base, value)
            else:
                self.column(captures.RENAMED.get(name, name), value)
        for name, shown in self.want.get("other", {}).items():
            self.other(name, shown)

    def repeated(self, name, value):
        """The element again, or another of the same meaning."""
        keys = [f"0/{n}" for n in captures.REPEATED[name] if f"0/{n}" in self.extra]
        self.in_extra(keys[0] if keys else name, str(value))

    def icmp(self, name, value):
        if name.startswith("rev_"):
            self.in_extra("29305/32", str(value))
        else:
            self.column("icmp_type", value >> 8)
            self.column("icmp_code", value & 255)

    def icmp_in_port(self):
        """Ours alone: type and code taken from the destination port."""
        if self.have.get("proto") in (1, 58) and "icmp_type" not in self.seen and "dst_port" in self.have:
            self.column("icmp_type", self.have["dst_port"] >> 8)
            self.column("icmp_code", self.have["dst_port"] & 255)

    def compare(self):
        self.header()
        self.fields()
        self.icmp_in_port()
        if "first_ms" in self.want:  # the expectation has the finest clock only
            self.seen |= {"first_uptime_ms", "last_uptime_ms"}
        if {"first_uptime_ms", "last_uptime_ms"} <= self.want.keys() and "first_ms" in self.have:
            self.seen |= {"first_ms", "last_ms"}  # the exporter's start is in options data; test_fixtures.py knows the truth
            starts = {(self.have[end + "_ms"] - self.want[end + "_uptime_ms"]) % 2**32 for end in ("first", "last")}
            self.check(len(starts) == 1, f"times and uptimes disagree: {starts}")
        more = set(self.have) - self.seen
        self.check(not more, f"fields that nobody expected: {sorted(more)}")
        # tshark shows no element of no octets
        self.extra = {key: hexes for key, hexes in self.extra.items() if any(hexes)}
        self.check(not self.extra, f"extra that nobody expected: {self.extra}")
        return self.wrong


# Fields of the fixed formats that tshark takes for padding or does not name.
UNNAMED = {
    1: {"tcp_retx_count", "tcp_retx_secs", "tcp_misseq_count"},
    7: {"flags2"},
}


def kind_of(record):
    return record["kind"] if record["kind"] in ("options", "undecoded", "malformed") else "flow"


@pytest.mark.parametrize("name", sorted(set(captures.with_expectation()) - set(TSHARK_STOPS)))
def test_decodes_as_an_independent_decoder_does(weir, name):
    have = decode(weir, captures.pcap(name))
    want = captures.expected(name)
    records = [r for r in have if kind_of(r) in ("flow", "options")]

    # A set that waited for its template is decoded later here, never there: put ours back in line.
    held = [r for r in records if r.get("held")]
    records = [r for r in records if not r.get("held")]
    wanted = [w for w in want if w["kind"] in ("flow", "options")]
    assert len(records) == len(wanted)
    for ours, theirs in zip(records, wanted):
        for field in UNNAMED.get(theirs["version"], ()):
            ours.pop(field, None)
        wrong = Record(theirs, ours).compare()
        assert not wrong, f"{wrong}\nexpected {theirs}\nhave     {ours}"
        assert kind_of(ours) == theirs["kind"]

    waited = {(w["pkt"], w["set"]) for w in want if w["kind"] == "undecoded"}
    never = {(r["frame"], r["set"]) for r in have if r["kind"] == "undecoded"}
    assert never | {(r["frame"], r["set"]) for r in held} == waited
    broken = [r for r in have if r["kind"] == "malformed"]
    if name not in HEADER_COUNTS_TOO_MANY:
        assert len(broken) == 0 or name in MALFORMED, broken


# Captures that are broken, with how many places say so.
MALFORMED = {
    "ipfix-bad-set-length",
    "ipfix-enterprise-from-v9",  # an options template with v9's count of scope octets
    "ipfix-telegraf-14370",  # the message length is two octets short
    "v5-vflow",  # six octets behind the last record
    "v9-libnetflow9-malformed-2",
    "v9-libnetflow9-malformed-4",
}


@pytest.mark.parametrize("name", sorted(TSHARK_STOPS))
def test_reads_on_where_tshark_stops(weir, name):
    """The same flows as nfdump, which reads on too. It multiplies packets and bytes by the sampling rate."""
    ours = [r for r in decode(weir, captures.pcap(name)) if kind_of(r) == "flow"]
    theirs = captures.nfdump(name)
    assert len(ours) == len(theirs) > 0
    for have, want in zip(ours, theirs):
        rate = want["sampled"] and int(have["rate"]) or 1
        assert have["src_addr"] == (want.get("src4_addr") or want["src6_addr"])
        assert have["dst_addr"] == (want.get("dst4_addr") or want["dst6_addr"])
        assert [have[k] for k in ("proto", "src_port", "dst_port")] == [
            want[k] for k in ("proto", "src_port", "dst_port")]
        assert have["packets"] * rate == want["in_packets"]
        assert have["bytes"] * rate == want["in_bytes"]
        assert have["last_ms"] == captures.milliseconds(want["last"])
