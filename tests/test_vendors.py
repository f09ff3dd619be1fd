"""What exporters of certain makers do that others do not, made by hand and sent to a collector: what it makes of them, as users see it. And the list
of all such quirks that are known, each with the test that has it.
"""

import json
import re
import socket
import struct
import subprocess

import pytest

from conftest import ROOT, WEIR, Collector

S = 1_700_000_000  # export time, in seconds
MS = 1000 * S
UPTIME = 1_000_000


def sets(*those):
    """(id, octets in hex): sets of v9 and IPFIX."""
    return b"".join(struct.pack(">HH", number, 4 + len(bytes.fromhex(body))) + bytes.fromhex(body) for number, body in those)


def v9(*those, sequence=0, source=1, behind="", uptime=UPTIME):
    return struct.pack(">HHIIII", 9, len(those), uptime, S, sequence, source) + sets(*those) + bytes.fromhex(behind)


def ipfix(*those, sequence=0, domain=1):
    body = sets(*those)
    return struct.pack(">HHIII", 10, 16 + len(body), S, sequence, domain) + body


def layout(*fields, number=256):
    """A template's definition; a field is (element, octets), or (enterprise, element, octets)."""
    text = f"{number:04x}{len(fields):04x}"
    for f in fields:
        text += f"{f[-2] | (0x8000 if len(f) == 3 else 0):04x}{f[-1]:04x}" + (f"{f[0]:08x}" if len(f) == 3 else "")
    return text


def scoped(version, scope, *fields, number=300):
    """Options template."""
    pairs = "".join(f"{e:04x}{n:04x}" for e, n in (*scope, *fields))
    counts = f"{4 * len(scope):04x}{4 * len(fields):04x}" if version == 9 else f"{len(scope) + len(fields):04x}{len(scope):04x}"
    return 1 if version == 9 else 3, f"{number:04x}" + counts + pairs


A, B = "0a000001", "0a000002"  # 10.0.0.1 and 10.0.0.2
FLOW = (8, 4), (1, 4)
ONE = A + "00000064"  # 100 bytes of 10.0.0.1
FROM_A = {"src_addr": "10.0.0.1", "bytes": 100}
V1 = f"{A}{B}0a0000fe" "0001 0002" "00000003 00000064" "000f3e58 000f4240" "0050 01bb" "0000 06 00 1b 000000 00000000"
V5 = f"{A}{B}0a0000fe" "0001 0002" "00000003 00000064" "000f3e58 000f4240" "0050 01bb" "00 1b 06 00 0001 0002 18 18 0000"

# Name: datagrams, and what the flows in them say, in the order of their bytes.
VENDORS = {
    "nx-os-uptimes-of-8-octets": (
        [v9((0, layout((22, 8), (21, 8), (1, 4))), (256, "00000000000f3e58 00000000000f4240 00000064"))],
        [{"first_ms": MS - 1000, "last_ms": MS, "bytes": 100}]),
    "ios-xr-times-of-zero": (
        [ipfix((2, layout((152, 8), (153, 8), (1, 4))), (256, "00" * 16 + "00000064"))],
        [{"time_ms": MS, "bytes": 100}]),
    "viptela-seconds": (
        [v9((0, layout((150, 4), (151, 4), (1, 4))), (256, f"{S - 10:08x}{S - 1:08x}00000064"))],
        [{"first_ms": MS - 10_000, "last_ms": MS - 1000}]),
    "vpp-nanoseconds": (  # NTP's: seconds since 1900, and parts of 2^32
        [ipfix((2, layout((156, 8), (157, 8), (1, 4))), (256, f"{S - 10 + 2208988800:08x}80000000 {S + 2208988800:08x}40000000 00000064"))],
        [{"first_ms": MS - 9500, "last_ms": MS + 250}]),
    "ipfix-microseconds-before-export": (
        [ipfix((2, layout((158, 4), (159, 4), (1, 4))), (256, "001e8480 000f4240 00000064"))],
        [{"first_ms": MS - 2000, "last_ms": MS - 1000}]),
    "sonicwall-uptimes-and-no-160": (
        [ipfix((2, layout((22, 4), (21, 4), (1, 4))), (256, "000003e8 000007d0 00000064"))],
        [{"first_uptime_ms": 1000, "last_uptime_ms": 2000, "first_ms": None, "time_ms": MS}]),
    "juniper-mx-ends-before-it-starts": (
        [v9((0, layout((22, 4), (21, 4), (1, 4))), (256, "000f4240 000f3e58 00000064"))],
        [{"first_ms": MS, "last_ms": MS - 1000}]),
    "palo-alto-pads-with-zeros-and-events-have-no-time": (
        [v9((0, layout(*FLOW)), (256, ONE), behind="00" * 27), v9((0, layout((8, 4), (233, 1), number=257)), (257, f"{A}02"), sequence=1)],
        [{"kind": "firewall", "time_ms": MS, "src_addr": "10.0.0.1"}, {"kind": "flow"} | FROM_A]),
    "juniper-srx-fields-and-scopes-of-no-octets": (
        [v9((0, layout((8, 4), (130, 0), (1, 4))), scoped(9, [(1, 0)], (34, 4)), (300, "00000064"), (256, ONE))],
        [FROM_A | {"rate": 100, "rate_from": "domain"}]),
    "wrong-scope-none-at-all": (
        [ipfix(scoped(10, [], (34, 4)), (300, "00000032"), (2, layout(*FLOW)), (256, ONE))],
        [FROM_A | {"rate": 50}]),
    "wrong-padding": (  # with 1 to 7 octets, zeros and others, and none where there should be some
        [v9((0, layout((8, 4), (1, 4), (4, 1)) + "00"), *((256, f"{A}{100 + n:08x}06" + ("00", "ff")[n % 2] * n) for n in range(8)))],
        [{"bytes": 100 + n, "proto": 6} for n in range(8)]),
    "extreme-v1-of-52-octets": (
        [bytes.fromhex(f"0001 0002 000f4240 {S:08x} 00000000" + V1 + V1.replace("00000064", "00000065"))],
        [{"version": 1, "bytes": n, "packets": 3, "src_port": 80, "dst_port": 443, "proto": 6} for n in (100, 101)]),
    "v5-of-more-than-30": (  # the octets count
        [bytes.fromhex(f"0005 {40:04x} 000f4240 {S:08x} 00000000 00000000 0000 0000") + b"".join(
            bytes.fromhex(V5.replace("00000064", f"{100 + n:08x}")) for n in range(40))],
        [{"version": 5, "bytes": 100 + n, "src_mask": 24} for n in range(40)]),
    "h3c-text-of-any-length-in-v9": (
        [v9((0, layout((8, 4), (82, 65535), (1, 4))), (256, f"{A}04 65746830 00000064 {B}ff0002 6c6f 00000065"))],
        [{"if_name": "eth0", "src_addr": "10.0.0.1"}, {"if_name": "lo", "src_addr": "10.0.0.2"}]),
    "bng-large-interfaces": (
        [ipfix((2, layout((10, 4), (14, 4), (1, 4))), (256, "fffffffe 3fffffff 00000064"))],
        [{"in_if": 0xFFFFFFFE, "out_if": 0x3FFFFFFF}]),
    "nprobe-numbers-from-57472-and-nsel-from-32768": (
        [v9((0, layout((8, 4), (57500, 2), (40001, 4), (1, 4))), (256, f"{A}0007 c0000201 00000064"))],
        [FROM_A | {"nat_src_addr": "192.0.2.1", "extra": {"0/57500": ["0007"]}}]),
    "juniper-2636-137-is-kept": (
        [ipfix((2, layout((8, 4), (2636, 137, 1), (1, 4))), (256, f"{A}05 00000064"))],
        [FROM_A | {"extra": {"2636/137": ["05"]}}]),
    "cisco-repeats-12235": (
        [ipfix((2, layout((8, 4), (9, 12235, 65535), (9, 12235, 65535), (1, 4))), (256, f"{A}03 030001 04 03000261 00000064"))],
        [FROM_A | {"extra": {"9/12235": ["030001", "03000261"]}}]),
    "cisco-icmp-in-the-port": (
        [v9((0, layout((4, 1), (11, 2), (1, 4))), (256, "01 0303 00000064"))],
        [{"icmp_type": 3, "icmp_code": 3, "dst_port": 0x303}]),
    "fortigate-counters-of-8-and-applications-of-9": (
        [v9((0, layout((1, 8), (95, 9))), (256, "0000000000000064 14 0000304400003333"))],
        [{"bytes": 100, "app_engine": 0x14, "app_selector": 0x304400003333}]),
    "both-families-one-zero": (
        [ipfix((2, layout((8, 4), (27, 16), (1, 4))), (256, "00000000 20010db8000000000000000000000001 00000064" + A + "00" * 16 + "00000065"))],
        [{"src_addr": "2001:db8::1"}, {"src_addr": "10.0.0.1"}]),
    "iptnetflow-reduced-sizes": (
        [v9((0, layout((1, 3), (2, 1), (10, 2), (16, 2))), (256, "000064 03 0007 fde8"))],
        [{"bytes": 100, "packets": 3, "in_if": 7, "src_as": 65000}]),
    "cloudgenix-no-counters": (
        [ipfix((2, layout((8, 4), (4, 1))), (256, f"{A}06"))],
        [{"src_addr": "10.0.0.1", "bytes": None, "packets": None}]),
    "mpls-of-nokia": (
        [ipfix((2, layout((70, 3), (71, 3), (8, 4), (1, 4))), (256, f"000640 000651 {ONE}"))],
        [FROM_A | {"mpls": "000640000651"}]),
    "numbers-from-128-differ-in-v9": (
        [v9((0, layout((8, 4), (1, 4), (128, 4))), (256, ONE + "0000fde8")), ipfix((2, layout((8, 4), (1, 4), (128, 4))), (256, A + "00000065 0000fde8"))],
        [FROM_A, {"bytes": 101, "next_as": 65000}]),
    # --- sampling ---
    "nokia-305-and-306": (
        [ipfix(scoped(10, [(302, 4)], (304, 2), (305, 4), (306, 4)), (300, "00000005 0001 00000001 0000270f"), (2, layout((302, 4), *FLOW)), (256, "00000005" + ONE))],
        [FROM_A | {"rate": 10_000, "rate_from": "sampler"}]),
    "juniper-mx-34-only": (
        [v9(scoped(9, [(1, 4)], (34, 4)), (300, "00000000 000003e8")), v9((0, layout(*FLOW)), (256, ONE), sequence=1)],
        [FROM_A | {"rate": 1000, "rate_from": "domain"}]),
    "cisco-9300-all-in-one-datagram": (
        [v9((0, layout((48, 1), *FLOW)), scoped(9, [(1, 4)], (48, 1), (49, 1), (50, 4)), (300, "00000000 03 02 000001f4"), (256, "03" + ONE))],
        [FROM_A | {"rate": 500, "rate_from": "sampler"}]),
    "asr9010-id-without-a-rate": (
        [v9(scoped(9, [(1, 4)], (48, 1)), (300, "00000000 03 000000"), (0, layout((48, 1), *FLOW)), (256, "03" + ONE))],
        [FROM_A | {"rate": 1, "rate_from": "none"}]),
    "mikrotik-rate-in-the-record": (
        [v9((0, layout(*FLOW, (34, 4))), (256, ONE + "00000040"))],
        [FROM_A | {"rate": 64, "rate_from": "record"}]),
    "unsampled-beside-sampled": (
        [v9(scoped(9, [(1, 4)], (48, 1), (49, 1), (50, 4)), (300, "00000000 03 02 0000000a"), (0, layout((48, 1), *FLOW)), (0, layout(*FLOW, number=257)),
            (256, "03" + ONE), (257, A + "00000065"))],
        [FROM_A | {"rate": 10}, {"bytes": 101, "rate": 1}]),
    "rates-by-interface": (
        [ipfix(scoped(10, [(10, 4)], (34, 4)), (300, "00000001 0000000a 00000002 00000014"), (2, layout((10, 4), *FLOW)), (256, f"00000001{ONE}00000002{A}00000065"))],
        [{"bytes": 100, "rate": 10, "rate_from": "interface"}, {"bytes": 101, "rate": 20, "rate_from": "interface"}]),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the flows of each say, all by one collector; each has an address of its own."""
    with Collector(tmp_path_factory.mktemp("vendors") / "store") as c:
        for i, (datagrams, _) in enumerate(VENDORS.values()):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind((f"127.0.9.{i + 1}", 0))
                for d in datagrams:
                    s.sendto(d, ("127.0.0.1", c.port))
        c.wait_for(datagrams=sum(len(d) for d, _ in VENDORS.values()))
        n = c.counters()
        asked = subprocess.run([WEIR, "query", "--store", str(c.store), "--raw", "--format", "jsonl", "kind any"], stdout=subprocess.PIPE, check=True)
        by = {name: [] for name in VENDORS}
        for f in map(json.loads, asked.stdout.splitlines()):
            by[list(VENDORS)[int(f["exporter"].split(".")[3]) - 1]].append(f)
        yield by, n


@pytest.mark.parametrize("name", VENDORS)
def test_what_a_vendor_sends_is_understood(told, name):
    by, _ = told
    want = VENDORS[name][1]
    have = sorted(by[name], key=lambda f: f.get("bytes") or 0)
    assert [{k: f.get(k) for k in w} for f, w in zip(have, want)] == want
    assert len(have) == len(want)


def test_none_of_it_is_called_malformed(told):
    _, n = told
    assert {k: v for k, v in n.items() if k.startswith("bad_") and v} == {}


def test_a_template_id_used_anew_after_a_restart(collector, flows):
    """From another port, as many do; and the data come before their template."""
    c = collector()
    before = v9((0, layout(*FLOW)), (256, ONE), sequence=900, uptime=900_000)
    goes_on = v9((256, A + "00000065"), sequence=901, uptime=900_100)  # from another port: an address translation
    after = v9((0, layout((1, 4), (8, 4))), (256, "00000066" + B), sequence=0, uptime=1000)
    for d in (before, goes_on, after):
        c.send(d)
        c.wait_for(datagrams=1)
    c.wait_for(flows=3)
    assert sorted((f["bytes"], f["src_addr"]) for f in flows(c.store)) == [(100, "10.0.0.1"), (101, "10.0.0.1"), (102, "10.0.0.2")]


# --- the lists ---

# What is known of exporters, by section of the list of quirks: the test that has it, as FILE:NAME; without a file it is one of VENDORS, or a test here. What
# operators confirm is in tests/test_quirks.py.
KNOWN = {
    "5.1 what identifies an exporter and a template": {
        "two exporters behind one address": "tests/test_exporters.py:test_exporters_that_share_an_address_do_not_disturb_each_other",
        "domains of one router use the same id": "tests/test_pains.py:test_pain_2_templates_of_different_exporters_do_not_overwrite_each_other",
        "a port that changes after a restart": "test_a_template_id_used_anew_after_a_restart",
        "sessions that disagree": "src/flow/held_test.c:sessions_that_disagree_wait_each_for_its_own",
        "the same id, another definition": "tests/test_doctor.py:test_two_definitions_that_alternate_under_one_template_id",
    },
    "5.2 sequence numbers": {
        "what each version counts": "src/flow/sequence_test.c:in_order_is_no_news_in_any_version_and_over_the_wrap",
        "options data count in IPFIX": "src/flow/sequence_test.c:options_data_count_in_ipfix_only",
        "softflowd counts the message itself": "src/flow/sequence_test.c:softflowds_way_is_recognised_without_an_alarm",
        "several exporters count under one identity": "tests/test_doctor.py:test_two_that_count_under_one_identity",
        "a restart is no loss": "src/flow/sequence_test.c:a_restart_is_told_by_uptime_or_a_small_number",
        "reordering is no loss": "src/flow/sequence_test.c:what_comes_late_is_not_lost",
        "more than 30 records in v5": "v5-of-more-than-30",
    },
    "5.3 sampling": {
        "Nokia: 305 and 306": "nokia-305-and-306",
        "several samplers": "src/flow/rating_test.c:rates_are_kept_by_sampler_not_by_domain",
        "sampler 0 is one": "src/flow/rating_test.c:sampler_0_is_a_sampler_where_it_is_announced",
        "sampler 0 is none": "src/flow/rating_test.c:sampler_0_is_none_where_others_are_announced",
        "ASR9010: an id only": "asr9010-id-without-a-rate",
        "Juniper MX: 34 only": "juniper-mx-34-only",
        "Cisco 9300: all in one datagram": "cisco-9300-all-in-one-datagram",
        "RouterOS: octets of the rate turned": "src/flow/rating_test.c:a_rate_with_its_octets_swapped_is_noticed",
        "MikroTik: the rate in the record": "mikrotik-rate-in-the-record",
        "FortiGate: 67 to 69 are no rates": "src/flow/rating_test.c:fortigate_has_counters_around_its_rate",
        "Huawei": "src/flow/rating_test.c:huawei_netstream_rates_apply",
        "unsampled records beside sampled": "unsampled-beside-sampled",
        "rates by interface": "rates-by-interface",
        "adaptive sampling": "src/flow/rating_test.c:a_rate_that_changes_by_itself_holds_from_then_on",
        "ipt_NETFLOW: announced by nobody": "src/flow/rating_test.c:where_no_rate_is_announced_the_operator_s_default_counts",
        "the header of v5 changes": "src/flow/rating_test.c:the_header_of_v5_is_read_every_time",
        "counters are kept as they came": "src/flow/rating_test.c:counters_stay_as_they_came",
        "which rate counts": "src/flow/rating_test.c:the_nearest_counts",
    },
    "5.4 time": {
        "uptimes wrap": "tests/test_pains.py:test_pain_6_an_uptime_that_wraps_gives_no_flow_of_50_days",
        "NX-OS: 8 octets": "nx-os-uptimes-of-8-octets",
        "IOS-XR: zeros": "ios-xr-times-of-zero",
        "Viptela: seconds": "viptela-seconds",
        "VPP: nanoseconds": "vpp-nanoseconds",
        "NetScaler: fractions of NTP": "src/flow/convert_test.c:ntp_fractions",
        "SonicWall, MikroTik: no 160": "sonicwall-uptimes-and-no-160",
        "158 and 159 are before the export": "ipfix-microseconds-before-export",
        "Juniper MX: ends before it starts": "juniper-mx-ends-before-it-starts",
        "Juniper: timeouts of whole minutes": "tests/test_doctor.py:test_long_flows_in_one_piece",
        "Palo Alto: events without a time": "palo-alto-pads-with-zeros-and-events-have-no-time",
        "records without times": "tests/test_doctor.py:test_records_without_times",
        "v5 and v8 in seconds, masks and fields of v8 in another order, octets of a rate turned, rates not believed, totals of firewalls":
            "tests/test_quirks.py:test_a_rule_does_what_it_says",
        "v8: seconds or milliseconds": "tests/test_quirks.py:test_three_are_proposed_and_the_operator_confirms",
    },
    "5.5 firewalls": {
        "events are no flows": "tests/test_events.py:test_no_total_of_flows_has_events_in_it",
        "updates and teardowns": "tests/test_events.py:test_an_update_and_a_teardown_can_be_told_apart",
        "packets in 298 and 299": "src/flow/quirks_test.c:asa_events_are_apart_from_flows",
        "classic counters of zero": "src/flow/quirks_test.c:asa_events_with_classic_counters_of_zero_are_events",
        "translated addresses": "tests/test_events.py:test_translated_addresses_are_found_from_both_sides",
        "an element twice": "tests/test_pains.py:test_pain_8_an_element_twice_in_a_template_is_decoded",
        "12235 repeated": "cisco-repeats-12235",
    },
    "5.6 by vendor": {
        "Juniper: no octets": "juniper-srx-fields-and-scopes-of-no-octets",
        "Juniper: 2636/137": "juniper-2636-137-is-kept",
        "Cisco: ICMP in ports": "cisco-icmp-in-the-port",
        "Cisco: from 32768 on in v9": "nprobe-numbers-from-57472-and-nsel-from-32768",
        "Fortinet: templates every 30 minutes": "tests/test_doctor.py:test_templates_that_come_too_seldom",
        "Fortinet: large counters and applications": "fortigate-counters-of-8-and-applications-of-9",
        "Palo Alto: zeros behind": "palo-alto-pads-with-zeros-and-events-have-no-time",
        "H3C: text in v9": "h3c-text-of-any-length-in-v9",
        "Nokia: MPLS": "mpls-of-nokia",
        "all aggregations of v8": "src/flow/decode_fixed_test.c:every_field_of_every_version_stands_at_its_offset",
        "Extreme: v1 of 52 octets": "extreme-v1-of-52-octets",
        "missing fields": "tests/test_doctor.py:test_what_records_do_not_tell",
        "nProbe: private numbers": "nprobe-numbers-from-57472-and-nsel-from-32768",
        "ipt_NETFLOW: reduced sizes": "iptnetflow-reduced-sizes",
        "ipt_NETFLOW: data before their template": "tests/test_pains.py:test_pain_1_after_a_restart_everything_is_decoded_at_once",
        "Cloudgenix: no counters": "cloudgenix-no-counters",
        "gateways: large interfaces": "bng-large-interfaces",
        "both families in one record": "both-families-one-zero",
        "v9 and IANA differ from 128 on": "numbers-from-128-differ-in-v9",
        "wrong padding": "wrong-padding",
        "wrong scope": "wrong-scope-none-at-all",
        "an id used anew after a restart": "test_a_template_id_used_anew_after_a_restart",
    },
    "5.7 identity": {
        "the address that datagrams come from, or elements of trusted relays": "tests/test_identity.py:test_only_trusted_relays_speak_for_others",
        "names that the operator gives": "tests/test_identity.py:test_senders_as_flags_have_their_mistakes_told",
    },
}
PAINS = (1, 2, 3, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 26, 29)


def is_there(test):
    path, _, name = test.rpartition(":")
    text = (ROOT / (path or "tests/test_vendors.py")).read_text()
    begins = r"cmocka_unit_test\({}\)" if path.endswith(".c") else r"(?m)^def {}\("
    return test in VENDORS or re.search(begins.format(re.escape(name)), text)


@pytest.mark.parametrize("section", KNOWN)
def test_each_quirk_has_its_test(section):
    assert [quirk for quirk, test in KNOWN[section].items() if not is_there(test)] == []


def test_each_pain_has_its_test():
    text = (ROOT / "tests/test_pains.py").read_text()
    assert sorted({int(n) for n in re.findall(r"\btest_pain_(\d+)_", text)}) == list(PAINS)
