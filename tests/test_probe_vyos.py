"""weir probe --vyos: the block of flow-accounting as VyOS writes it, and what it means."""

import struct

import pytest

import packets
from test_probe import conversations, needs_tshark  # noqa: F401

BLOCK = """interfaces {{
    ethernet eth1 {{
        description "to {{ somewhere }}"
    }}
}}
system {{
    flow-accounting {{
        interface eth1
        interface eth2
        netflow {{
{more}            server 127.0.0.1 {{
                port {port}
            }}
            timeout {{
                expiry-interval 60
                flow-generic 3600
                icmp 300
                max-active-life 604800
                tcp-fin 300
                tcp-generic 3600
                tcp-rst 120
                udp 300
            }}
        }}
        syslog-facility daemon
    }}
    host-name vyos
}}
// vyos-config-version: "flow-accounting@1"
"""


def block(port=2055, *more):
    return BLOCK.format(port=port, more="".join(f"            {line}\n" for line in more))


@pytest.fixture
def boot(tmp_path):
    def written(text):
        path = tmp_path / "config.boot"
        path.write_text(text)
        return path

    return written


def test_the_block_as_it_stands(run, boot):
    said = run("check", "--vyos", boot(block(2055, "sampling-rate 100", "version 9"))).stdout
    for text in ("Interface eth1: IPv4 that comes, by flow monitor ipv4, one packet in 100 at random", "Interface eth2: IPv6 that comes",
                 "what has ended goes out every 60 s; out after 7d 0h, or idle for 1h 0m, UDP 5m 0s, ICMP 5m 0s, TCP's FIN 5m 0s, TCP's RST 2m 0s",
                 "to 127.0.0.1:2055: NetFlow v9, UDP 127.0.0.1:2055", "as daemon"):
        assert text in said, text


def test_set_commands_and_defaults_say_the_same(run, boot):
    commands = """set interfaces ethernet eth1 address '192.0.2.1/24'
set system flow-accounting interface 'eth1'
set system flow-accounting interface 'eth2'
set system flow-accounting netflow server 127.0.0.1
set system flow-accounting syslog-facility 'daemon'
set system host-name 'vyos'
"""
    whole = run("check", "--vyos", boot(block(2055, "version 9"))).stdout
    assert run("check", "--vyos", boot(commands)).stdout == whole


def test_what_else_there_is(run, boot):
    said = run("check", "--vyos", boot("""flow-accounting {
    buffer-size 10
    disable-imt
    enable-egress
    interface eth1
    netflow {
        engine-id 5
        max-flows 100000
        server 2001:db8::1 {
        }
        server 192.0.2.9 { port 9995 }
        source-address 192.0.2.1
        version 10
    }
    packet-length 128
    sflow {
        agent-address 192.0.2.1
        server 192.0.2.7 { port 6343 }
    }
    vrf RED
}
""")).stdout
    for text in ("config.boot:2:5: buffer-size has no effect here: ", "config.boot:3:5: disable-imt has no effect here: ", ":15:5: packet-length has no effect here: ",
                 ":16:5: sflow has no effect here: sFlow is not exported", "Interface eth1: IPv4 that leaves", "cache of 100000 flows",
                 "IPFIX, UDP [2001:db8::1]:2055 in VRF RED; templates", "IPFIX, UDP 192.0.2.9:9995 in VRF RED, from 192.0.2.1",
                 ":12:24: source-address has no effect for server [2001:db8::1]:2055, which has an IPv6 address"):
        assert text in said, text
    assert said.count("no effect") == 5


def test_the_words_of_newer_releases(run, boot):
    commands = """set system flow-accounting netflow interface 'eth0'
set system flow-accounting netflow server 192.0.2.10 port '4739'
set system flow-accounting netflow server 192.0.2.10 source-address '192.0.2.1'
set system flow-accounting netflow server 2001:db8::1 source-interface 'eth9'
set system flow-accounting vrf 'mgmt'
"""
    said = run("check", "--vyos", boot(commands)).stdout
    for text in ("Interface eth0: IPv4 that comes", "flows; out after 30m 0s, or idle for 15.0 s", "UDP 192.0.2.10:4739 in VRF mgmt, from 192.0.2.1",
                 "UDP [2001:db8::1]:2055 out of eth9; "):
        assert text in said, text
    more = "".join(f"set system flow-accounting netflow {word}-timeout '{n}'\n" for word, n in (("active", 60), ("inactive", 30)))
    assert "flows; out after 1m 0s, or idle for 30.0 s" in run("check", "--vyos", boot(commands + more)).stdout
    assert "! a router has no such command: out of eth9" in run("check", "--as-router", "--vyos", boot(commands)).stdout


def test_what_others_say_elsewhere_in_the_file_does_not_matter(run, boot):
    whole = run("check", "--vyos", boot(block())).stdout
    assert run("check", "--vyos", boot(block().replace("to { somewhere }", 'to \\"{ some\\" where \\\\'))).stdout == whole
    commands = """set interfaces ethernet eth1 description 'Bob's {uplink'
comment interfaces 'it's }'
set system flow-accounting interface eth1
set system flow-accounting interface eth2
set system flow-accounting netflow server 127.0.0.1
set system flow-accounting syslog-facility daemon
"""
    assert run("check", "--vyos", boot(commands)).stdout == whole


@needs_tshark
@pytest.mark.parametrize("version", (5, 9, 10))
def test_a_capture_is_exported_as_the_block_says(run, boot, conversations, tmp_path, version):
    truth = [f for f in packets.truth(conversations) if version != 5 or ":" not in f["src_addr"]]
    with packets.Listener() as listener:
        run("probe", "--vyos", boot(block(listener.port, f"version {version}", "engine-id 7").replace("        syslog-facility daemon\n", "")), "-r", conversations)
        datagrams = listener.datagrams()
    packets.write(tmp_path / "sent.pcap", datagrams)
    flows, other = packets.decode(tmp_path / "sent.pcap")
    assert other["malformed"] == 0 == other["expert"]
    assert {f["version"] for f in flows} == {version}
    assert sum(f["packets"] for f in flows) == sum(f["packets"] for f in truth) and sum(f["bytes"] for f in flows) == sum(f["bytes"] for f in truth)
    if version == 5:
        assert {d[21] for d in datagrams} == {7}
    else:
        assert {f["source_id" if version == 9 else "od_id"] for f in flows} == {7}


def test_sampling_is_told(run, boot, conversations):
    with packets.Listener() as listener:
        done = run("probe", "--vyos", boot(block(listener.port, "version 5", "sampling-rate 4").replace("        syslog-facility daemon\n", "")), "-r", conversations)
        assert {struct.unpack_from(">H", d, 22)[0] for d in listener.datagrams()} == {2 << 14 | 4}
    assert "left out by a sampler" in done.stderr


def udp(tmp_path, *seconds):
    """A capture with a packet of one flow at each of these seconds, the last one of another."""
    path = tmp_path / "udp.pcap"
    with path.open("wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for s in seconds:
            source = 9 if s == seconds[-1] else 1
            packet = struct.pack(">BBHHHBBH4B4B", 0x45, 0, 28, 0, 0, 64, 17, 0, 10, 0, 0, source, 10, 0, 0, 2) + struct.pack(">HHHH", 5000, 53, 8, 0)
            f.write(struct.pack("<IIII", START + s, 0, len(packet), len(packet)) + packet)
    return path


START = 1700000000
QUIET = {"syslog-facility daemon": ""}


@pytest.mark.parametrize("words, flows", (
    ({}, 2),
    ({"udp 300": "udp 30"}, 3),  # 20 s and 40 s without a packet
    ({"udp 300": "udp 10"}, 4),
    ({"max-active-life 604800": "max-active-life 10"}, 4),
    ({"icmp 300": "icmp 1"}, 2),
))
def test_a_capture_ends_flows_as_the_block_says(run, boot, tmp_path, words, flows):
    with packets.Listener() as listener:
        text = block(listener.port, "version 5")
        for old, new in (QUIET | words).items():
            assert old in text
            text = text.replace(old, new)
        run("probe", "--vyos", boot(text), "-r", udp(tmp_path, 0, 20, 60, 100))
        assert sum(struct.unpack_from(">H", d, 2)[0] for d in listener.datagrams()) == flows


@pytest.mark.parametrize("interval, least, most", ((1, 10, 13), (60, 59, 75)))
def test_what_has_ended_goes_out_at_the_interval(run, boot, tmp_path, interval, least, most):
    with packets.Listener() as listener:
        text = block(listener.port, "version 5")
        for old, new in (QUIET | {"udp 300": "udp 10", "expiry-interval 60": f"expiry-interval {interval}"}).items():
            text = text.replace(old, new)
        run("probe", "--vyos", boot(text), "-r", udp(tmp_path, 0, *range(5, 200, 5)[1:]))
        assert least <= struct.unpack_from(">I", listener.datagrams()[0], 8)[0] - START <= most


def test_the_engine_of_version_5_has_a_type(run, boot, tmp_path):
    with packets.Listener() as listener:
        done = run("probe", "--vyos", boot(block(listener.port, "version 5", "engine-id 3:5", "source-address ::1").replace("syslog-facility daemon", "disable-imt")), "-r", udp(tmp_path, 0, 1))
        assert {tuple(d[20:22]) for d in listener.datagrams()} == {(3, 5)}
    assert "config.boot:13:28: source-address has no effect for server 127.0.0.1:" in done.stderr and "config.boot:28:9: disable-imt has no effect here: " in done.stderr


@pytest.mark.parametrize("text, said", (
    ("system {\n    host-name x\n}\n", "config.boot: expected system flow-accounting, found none"),
    ("flow-accounting {\n    interface eth0\n}\n", "config.boot: expected netflow server ADDRESS in flow-accounting, or --store DIR"),
    ("flow-accounting {\n    netflow {\n        server 192.0.2.1 {\n        }\n    }\n}\n", "config.boot: expected interface NAME in flow-accounting"),
    ("flow-accounting {\n    netflow {\n        sampling-rat 3\n", ':3:9: expected interface or engine-id or max-flows or sampling-rate or server or source-address or source-ip or version or active-timeout or inactive-timeout or timeout, '
     'found "sampling-rat"; did you mean sampling-rate?'),
    ("flow-accounting {\n    netflow {\n        server here {\n", ':3:16: expected an IP address, found "here"'),
    ("flow-accounting {\n    netflow {\n        version 7\n", ":3:17: expected 5, 9 or 10, found 7"),
    ("flow-accounting {\n    netflow {\n        timeout {\n            udp 0\n", ':4:17: expected 1 to 2147483647, found "0"'),
    ("flow-accounting {\n    netflow {\n        version\n", ':3:9: expected N behind "version"'),
    ("flow-accounting {\n    syslog-facility moon\n", ':2:21: expected a facility of syslog, as daemon or local0, found "moon"'),
    ("flow-accounting {\n    interface eth0\n", ':3:1: expected "}", found the end'),
    ("flow-accounting {\n    interface eth0\n    netflow {\n        version 5\n        sampling-rate 20000\n        server 1.2.3.4 {\n        }\n    }\n}\n",
     "config.boot:5:23: expected 0 to 16383, as NetFlow v5 can say it, found 20000"),
    ("flow-accounting {\n    interface eth0\n    netflow {\n        engine-id 1:2\n        server 1.2.3.4 {\n        }\n    }\n}\n",
     "config.boot:4:19: expected a number: TYPE:ID is for version 5"),
    ("flow-accounting {\n    buffer-size 10 20\n", ':2:20: expected the end of the line, found "20"'),
    ("set system flow-accounting interface eth0\ndelete system flow-accounting vrf\n", ':2:1: expected set, found "delete"'),
))
def test_mistakes_have_their_place(run, boot, text, said):
    for command in (("check", "--vyos"), ("probe", "--vyos")):
        done = run(*command, boot(text), status=2)
        assert said in done.stderr, done.stderr


def test_the_file_says_it_all(run, boot):
    assert "--to and --vyos: the file says what is metered" in run("probe", "--vyos", boot(block()), "--to", "127.0.0.1:9", status=2).stderr
    assert "--config and --vyos" in run("probe", "--vyos", boot(block()), "--config", boot(block()), status=2).stderr
