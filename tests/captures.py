"""Real exports with what an independent decoder read from them, where they are at hand.

$WEIR_SHARED/captures or ../shared/captures: one folder a capture, NAME.pcap and NAME.expected.jsonl
(tshark's reading). A user's clone has none, and the tests that need them are skipped.
"""

import datetime
import ipaddress
import json
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
CAPTURES = pathlib.Path(os.environ.get("WEIR_SHARED", ROOT.parent / "shared")) / "captures"


def with_expectation():
    """Names of all captures that have expected values."""
    return sorted(p.name[: -len(".expected.jsonl")] for p in CAPTURES.glob("*/*.expected.jsonl"))


def pcap(name):
    return CAPTURES / name / f"{name}.pcap"


def expected(name):
    with open(CAPTURES / name / f"{name}.expected.jsonl") as f:
        return [json.loads(line) for line in f]


def nfdump(name):
    """nfdump's reading; its JSON times are UTC here."""
    with open(CAPTURES / name / f"{name}.nfdump.json") as f:
        return json.load(f)


def milliseconds(text):
    return round(datetime.datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


# Names that the expectation has and the catalogue spells otherwise.
RENAMED = {"flows": "flows_in_record", "icmp_type6": "icmp_type", "icmp_code6": "icmp_code"}

# Elements that the catalogue keeps in `extra`: the decoder's name for them → enterprise/element.
EXTRA = {
    "delta_octets_squared": "0/198",
    "ipv6_exthdr": "0/64",
    "mpls_top_label_prefix_length": "0/91",
    "mpls_vpn_rd": "0/90",
    "od_id": "0/149",
    "sta_ipv4_address": "0/366",
    "tcp_option_map": "0/209",
    "private_enterprise_number": "0/346",
    "engine_type": "0/38",
    "engine_id": "0/39",
    "mp_id": "0/143",
    "flow_exporter": "0/144",
    "ipv6_next_hdr": "0/193",
    "multicast_replication_factor": "0/99",
    "is_multicast": "0/206",
    "data_link_frame_size": "0/312",
    "data_link_frame_section": "0/315",
    "flow_active_timeout": "0/36",
    "flow_inactive_timeout": "0/37",
    "export_protocol_version": "0/214",
    "exporter_protocol": "0/215",
    "template_id": "0/145",
    "drop_total_packets": "0/135",
    "ignore_packets": "0/164",
    "notsent_packets": "0/167",
    "ip_precedence": "0/196",
    "mpls_label_length": "0/201",
}

# Enterprises, by the name that the decoder gives them.
ENTERPRISE = {
    "Masaryk University": 16982,
    "CERT Coordination Center": 6871,
    "VMware Inc.": 6876,
    "vIPtela Inc.": 41916,
}

# Columns for what the decoder lists under `other`.
COLUMN = {
    "appl_id.classification_engine_id": "app_engine",
    "appl_id.selector_id": "app_selector",
    "scope_system": "scope_system",
    "scope_interface": "scope_interface",
    "post_ip_diff_serv_code_point": "post_dscp",
    "frag_ident": "fragment_id",
    "ingress_acl_id": "in_acl",
    "egress_acl_id": "out_acl",
    "flags": "valid_flags",
    "routersc": "router_sc",
    "ie/56701": "app_name",
    "ie/56702": "username",
}

# The elements behind a name that stands twice in a template.
REPEATED = {"in_vrf": [234], "src_port": [7, 180, 182], "dst_port": [11, 181, 183], "proto": [4], "tcp_flags": [6], "tos": [5]}


def octets(shown):
    """What the decoder shows of an element's octets, as an integer; None if it is not octets."""
    if re.fullmatch(r"([0-9a-f]{2}:)*[0-9a-f]{2}", shown) and ":" in shown:
        return int(shown.replace(":", ""), 16)
    if re.fullmatch(r"0x[0-9a-f]+", shown):
        return int(shown, 16)
    if re.fullmatch(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:]*", shown) and not shown.isdigit():
        try:
            return int(ipaddress.ip_address(shown))
        except ValueError:
            return None
    return int(shown) if shown.isdigit() else None


def same_extra(hexes, shown, raw):
    """Is one of these hex strings the value that the decoder shows? raw: shown is hex already."""
    if raw:
        return shown in hexes
    want = octets(shown)
    return any(h and int(h, 16) == want for h in hexes)


def same_column(value, shown):
    """The same for a column: a number, an address, hex or text."""
    if isinstance(value, int):
        return value == octets(shown)
    if value == shown or value == shown.replace(":", ""):
        return True
    try:
        return value == bytes.fromhex(shown).rstrip(b"\0").decode()
    except ValueError:
        return False
