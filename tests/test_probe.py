"""weir probe: packets of captures → flows. What tshark counts in a capture, frame by frame, is what tshark, nfdump and our
collector find in the exports."""

import random
import shutil
import signal
import socket
import struct
import subprocess

import pytest

import captures
import packets
import traffic
from conftest import until

VERSIONS = ("5", "9", "ipfix")
OLD = ("1", "5", "6", "7")  # have IPv4 only, and no templates
FOREVER = ["--active", "1w", "--inactive", "1w", "--timeout", "tcp-fin=1w", "--timeout", "tcp-rst=1w"]
TRAFFIC = sorted(p.name for p in captures.CAPTURES.glob("traffic-*"))
START_MS = 1_700_000_000_000

needs_tshark = pytest.mark.skipif(packets.TSHARK is None, reason="tshark is not installed")


def of_version(flows, version):
    return [f for f in flows if version not in OLD or ":" not in f["src_addr"]]


@pytest.fixture
def probe(run, tmp_path):
    """probe(capture, "--version", ...): the datagrams it sends, and the finished process."""

    def metered(capture, *args, status=0):
        with packets.Listener() as listener:
            done = run("probe", "-r", capture, "--to", f"127.0.0.1:{listener.port}", *args, status=status)
            return listener.datagrams(), done

    return metered


@pytest.fixture
def export(probe, tmp_path):
    """The same as flows, as tshark reads the datagrams: it finds nothing wrong with them."""

    def exported(capture, *args):
        sent, done = probe(capture, *args)
        packets.write(tmp_path / "sent.pcap", sent)
        flows, other = packets.decode(tmp_path / "sent.pcap")
        assert other["malformed"] == 0 and other["expert"] == 0, other
        return flows, sent, done

    return exported


@needs_tshark
@pytest.mark.parametrize("name", TRAFFIC)
def test_what_tshark_counts_in_a_capture_is_what_it_finds_in_the_exports(export, name):
    truth = packets.truth(captures.pcap(name))
    assert truth
    for version in (*VERSIONS, "1", "7"):  # tshark does not know v6
        flows, _, done = export(captures.pcap(name), "--version", version, *FOREVER)
        assert packets.same(of_version(truth, version), flows) is True
        assert f"into {len(of_version(truth, version))} flows" in done.stderr


@pytest.fixture
def conversations(tmp_path):
    """A capture of our own, and what is true of it."""
    path = tmp_path / "traffic.pcap"
    traffic.write(path, START_MS)
    return path


@needs_tshark
@pytest.mark.parametrize("version", (*OLD, "9", "ipfix"))
def test_our_collector_has_the_same_flows(run, collector, flows, conversations, version):
    c = collector()
    truth = of_version(packets.truth(conversations), version)
    run("probe", "-r", conversations, "--to", f"127.0.0.1:{c.port}", "--version", version, *FOREVER, "--source-id", "77")
    c.wait_for(flows=len(truth))
    have = flows(c.store)
    assert packets.same(truth, have) is True
    for f in have:
        assert f["version"] == (10 if version == "ipfix" else int(version))
        assert f["in_if"] == 0 and f["out_if"] == 0
        if version in OLD:
            assert f.get("engine_id", 0) == (77 if version in "56" else 0)
        else:
            assert f["domain"] == 77 and f["end_reason"] == 4
    assert c.counters()["sequence_missed"] == 0 and c.counters()["bad_count"] == 0
    assert c.stop() == 0


@needs_tshark
@pytest.mark.parametrize("version", VERSIONS)
def test_nfcapd_has_the_same_totals(run, tmp_path, conversations, version):
    nfcapd, nfdump = shutil.which("nfcapd"), shutil.which("nfdump")
    if not nfcapd or not nfdump:
        pytest.skip("nfdump is not installed")
    truth = of_version(packets.truth(conversations), version)
    with packets.Listener() as free:
        port = free.port
    spool = tmp_path / "nf"
    spool.mkdir()
    with subprocess.Popen([nfcapd, "-l", str(spool), "-b", "127.0.0.1", "-p", str(port), "-t", "3600"], stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: f":{port:04X} " in open("/proc/net/udp").read(), "nfcapd to listen")
            run("probe", "-r", conversations, "--to", f"127.0.0.1:{port}", "--version", version, *FOREVER)
            until(lambda: queue_of(port) == 0, "nfcapd to read")
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        finally:
            process.kill()
    done = subprocess.run([nfdump, "-R", str(spool), "-I"], capture_output=True, text=True, check=True)
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert int(told["Flows"]) == len(truth)
    assert int(told["Packets"]) == sum(f["packets"] for f in truth)
    assert int(told["Bytes"]) == sum(f["bytes"] for f in truth)
    assert int(told["Sequence failures"]) == 0


def queue_of(port):
    """Octets that wait in a UDP port's buffer."""
    for line in open("/proc/net/udp"):
        if f":{port:04X} " in line.split()[1] + " ":
            return int(line.split()[4].split(":")[1], 16)
    return None


# --- hand-made packets ---


def frame(at_ms, sport=1000, dport=2000, proto=17, flags=0, payload=0, src=1, tos=0):
    """(ms, an Ethernet frame): an IPv4 packet from 10.0.0.SRC to 10.0.1.1."""
    transport = struct.pack(">HH", sport, dport)
    transport += bytes(8) + bytes([0x50, flags]) + bytes(6) if proto == 6 else struct.pack(">HH", 8 + payload, 0)
    body = transport + bytes(payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, tos, 20 + len(body), 1, 0, 64, proto, 0, bytes([10, 0, src >> 8, src & 255]), bytes([10, 0, 1, 1]))
    return at_ms, bytes(12) + b"\x08\x00" + ip + body


def capture(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, data in frames:
            ms = START_MS + at
            f.write(struct.pack("<IIII", ms // 1000, ms % 1000 * 1000, len(data), len(data)) + data)
    return path


def parts(flows):
    """(first, last, packets) of each flow, in ms from the begin."""
    return sorted((f["first_ms"] - START_MS, f["last_ms"] - START_MS, f["packets"]) for f in flows)


@needs_tshark
@pytest.mark.parametrize("version", VERSIONS)
def test_timeouts_split_flows_exactly_where_they_should(export, tmp_path, version):
    udp = [frame(t) for t in (0, 9_999, 19_999, 25_000)]  # 10 s of silence ends it, 1 ms less does not
    flows, *_ = export(capture(tmp_path / "a", udp), "--version", version, "--timeout", "udp=10s", "--inactive", "15s")
    assert parts(flows) == [(0, 9_999, 2), (19_999, 25_000, 2)]

    steady = [frame(1000 * i) for i in range(150)]  # a minute each, by --active
    for said in (["--active", "60s"], ["--timeout", "max-active-life=60s"]):
        flows, *_ = export(capture(tmp_path / "b", steady), "--version", version, *said)
        assert parts(flows) == [(0, 59_000, 60), (60_000, 119_000, 60), (120_000, 149_000, 30)]

    tcp = [frame(0, proto=6, flags=2), frame(100, proto=6, flags=0x10), frame(200, proto=6, flags=0x11),
           frame(2_100, proto=6, flags=0x10),  # late, of the closed connection
           frame(6_000, proto=6, flags=2),  # the next one
           frame(6_100, proto=6, flags=4), frame(6_150, proto=6, flags=2)]  # reset, and again
    flows, *_ = export(capture(tmp_path / "c", tcp), "--version", version, "--timeout", "tcp-fin=2s")
    assert parts(flows) == [(0, 2_100, 4), (6_000, 6_100, 2), (6_150, 6_150, 1)]
    if version != "5":
        assert sorted(f["end_reason"] for f in flows) == [3, 3, 4]


def header_ms(datagram):
    """The export time of a v9 or IPFIX header."""
    at = 8 if datagram[1] == 9 else 4
    return int.from_bytes(datagram[at:at + 4], "big") * 1000


def test_flows_go_out_when_they_end_in_the_capture(probe, tmp_path):
    for version in ("9", "ipfix"):
        sent, _ = probe(capture(tmp_path / "a", [frame(0), frame(3_600_000)]), "--version", version, "--inactive", "15s")
        assert [(header_ms(d) - START_MS) // 1000 for d in sent] == [20, 3600]  # it looks each 10 s while nothing comes


@needs_tshark
def test_a_full_cache_ends_flows_early_and_says_so(export, tmp_path):
    many = [frame(i, src=i, payload=i % 7) for i in range(1, 1001)]
    flows, _, done = export(capture(tmp_path / "a", many), "--entries", "100")
    assert len(flows) == 1000
    assert sum(f["bytes"] for f in flows) == sum(28 + i % 7 for i in range(1, 1001))
    assert sorted({f["end_reason"] for f in flows}) == [4, 5]
    assert sum(f["end_reason"] == 5 for f in flows) == 900
    assert "900 flows that ended early because a flow cache was full" in done.stderr


@needs_tshark
def test_samples_one_packet_in_n(probe, export, tmp_path):
    steady = capture(tmp_path / "a", [frame(i, payload=i) for i in range(1000)])
    flows, _, done = export(steady, "--sample", "10")
    assert [(f["packets"], f["bytes"]) for f in flows] == [(100, sum(28 + i for i in range(9, 1000, 10)))]
    assert "900 packets left out by a sampler" in done.stderr
    flows, *_ = export(steady, "--sample", "10", "--random")
    assert [f["packets"] for f in flows] == [100]  # one of each ten
    assert flows[0]["bytes"] != sum(28 + i for i in range(9, 1000, 10))
    for args, mode in ((["--sample", "10"], 1), (["--sample", "10", "--random"], 2), ([], 0)):
        sent, _ = probe(steady, "--version", "5", *args)
        assert int.from_bytes(sent[0][22:24], "big") == (mode << 14 | 10 if mode else 0)


def carried(kind, packet):
    """An Ethernet frame's packet in a tunnel from 10.9.0.1 to 10.9.0.2."""
    inner = packet[14:]
    proto, head = {
        "ipip": (4, b""),
        "gre": (47, bytes.fromhex("2000 0800 00000007")),  # with a key
        "vxlan": (17, struct.pack(">HHHH", 5555, 4789, 8 + 8 + len(packet), 0) + bytes.fromhex("08000000 00002a00") + packet[:14]),
        "gtp": (17, struct.pack(">HHHH", 2152, 2152, 8 + 8 + len(inner), 0) + struct.pack(">BBHI", 0x30, 255, len(inner), 1)),
    }[kind]
    body = head + inner
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, proto, 0, bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2]))
    return packet[:14] + ip + body


@needs_tshark
@pytest.mark.parametrize("kind", ("ipip", "gre", "vxlan", "gtp"))
def test_meters_what_tunnels_carry_if_asked(export, tmp_path, kind):
    path = capture(tmp_path / "a", [(t, carried(kind, data)) for t, data in (frame(i, payload=100, tos=8) for i in range(5))])
    flows, *_ = export(path)
    assert [(f["src_addr"], f["proto"], f["packets"]) for f in flows] == [("10.9.0.1", {"ipip": 4, "gre": 47}.get(kind, 17), 5)]
    flows, *_ = export(path, "--inner")
    assert [(f["src_addr"], f["src_port"], f["tos"], f["packets"], f["bytes"]) for f in flows] == [("10.0.0.1", 1000, 8, 5, 640)]


@needs_tshark
@pytest.mark.parametrize("version", VERSIONS)
def test_collectors_are_told_the_sampling_rate(run, collector, flows, tmp_path, version):
    steady = capture(tmp_path / "a", [frame(i, payload=i) for i in range(1000)])
    c = collector()
    run("probe", "-r", steady, "--to", f"127.0.0.1:{c.port}", "--version", version, "--sample", "50")
    c.wait_for(flows=1)
    (flow,) = flows(c.store)
    assert (flow["packets"], flow["rate"]) == (20, 50)
    assert flow["rate_from"] == ("header" if version == "5" else "domain")
    assert c.counters()["sequence_missed"] == 0
    with packets.Listener() as sent:
        run("probe", "-r", steady, "--to", f"127.0.0.1:{sent.port}", "--version", version, "--sample", "50", "--random")
        packets.write(tmp_path / "sent.pcap", sent.datagrams())
    decoded, other = packets.decode(tmp_path / "sent.pcap")
    assert len(decoded) == 1 and other["malformed"] == other["expert"] == 0


def test_sends_templates_again_by_time_and_by_datagrams(probe, tmp_path):
    rows = [frame(1000 * i, src=i % 300) for i in range(3000)]  # flows that end all the time
    path = capture(tmp_path / "a", rows)

    def with_templates(*args):
        sent, _ = probe(path, "--inactive", "1s", "--timeout", "udp=1s", *args)
        return [(header_ms(d), int.from_bytes(d[20:22], "big") == 0) for d in sent]

    by_time = [ms for ms, has in with_templates("--template", "600s") if has]
    assert len(by_time) == 5 and all(600_000 <= b - a < 603_000 for a, b in zip(by_time, by_time[1:]))
    by_number = [has for _, has in with_templates("--template-packets", "20")]
    assert by_number[:41] == [i % 20 == 0 for i in range(41)]


def test_flows_that_have_ended_go_out_as_often_as_asked(probe, tmp_path):
    path = capture(tmp_path / "a", [frame(1000 * i, src=1 + i) for i in range(100)])  # one ends each second
    ended = "--inactive", "1s", "--timeout", "udp=1s"

    def times(*args):
        return sorted({header_ms(d) for d in probe(path, *ended, *args)[0]})

    assert len(times()) > 40
    apart = times("--timeout", "expiry-interval=30s")
    assert 4 <= len(apart) <= 6 and all(b - a >= 30_000 for a, b in zip(apart[:-1], apart[1:-1])), apart


def test_datagrams_keep_to_the_mtu_and_are_full(probe, tmp_path):
    many = capture(tmp_path / "a", [frame(i // 10, src=i) for i in range(1, 2001)])
    for version in VERSIONS:
        for mtu in (576, 1500, 9000):
            sent, _ = probe(many, "--version", version, "--mtu", str(mtu))
            if version == "5" and mtu == 576:
                assert max(map(len, sent)) == 24 + 10 * 48
                continue
            assert max(map(len, sent)) <= mtu - 28
            assert version == "5" or max(map(len, sent)) > mtu - 28 - 60
            assert sum(map(len, sent)) < 2000 * 60 + len(sent) * 40


@pytest.mark.parametrize("version, header, record, most", (("1", 16, 48, 24), ("5", 24, 48, 30), ("6", 24, 52, 27), ("7", 24, 52, 27)))
def test_old_versions_have_as_many_flows_in_a_datagram_as_routers_send(probe, tmp_path, version, header, record, most):
    sent, _ = probe(capture(tmp_path / "a", [frame(0, src=i) for i in range(1, 201)]), "--version", version, "--mtu", "9000")
    assert [len(d) for d in sent[:-1]] == [header + most * record] * (200 // most) and len(sent[-1]) == header + 200 % most * record
    assert [struct.unpack_from(">HH", d) for d in sent] == [(int(version), most)] * (200 // most) + [(int(version), 200 % most)]
    if version != "1":  # which has no sequence
        assert [struct.unpack_from(">I", d, 16)[0] for d in sent] == list(range(0, 200, most))


def test_datagrams_bear_what_was_asked_for(run, tmp_path):
    path = capture(tmp_path / "a", [frame(0)])
    receive_ttl, receive_tos = 12, 13  # of linux/in.h, which socket does not name
    for family, source, options in ((socket.AF_INET, "127.0.0.9", (socket.IPPROTO_IP, receive_ttl, receive_tos)),
                                    (socket.AF_INET6, "::1", (socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS))):
        with packets.Listener(family) as listener:
            for o in options[1:]:
                listener.socket.setsockopt(options[0], o, 1)
            host = "127.0.0.1" if family == socket.AF_INET else "[::1]"
            run("probe", "-r", path, "--to", f"{host}:{listener.port}", "--source", source, "--dscp", "46", "--ttl", "7")
            _, ancillary, _, sender = listener.socket.recvmsg(2000, 200)
        assert sender[0] == source
        assert sorted(data[0] for _, _, data in ancillary) == [7, 46 << 2]


def test_sends_to_several_collectors(run, tmp_path):
    path = capture(tmp_path / "a", [frame(i, src=i) for i in range(1, 500)])
    with packets.Listener() as one, packets.Listener() as two:
        run("probe", "-r", path, "--to", f"127.0.0.1:{one.port}", "--to", f"127.0.0.1:{two.port}")
        first = one.datagrams()
        assert len(first) > 10 and first == two.datagrams()


def test_a_collector_that_is_not_there_is_told_of(run, tmp_path):
    path = capture(tmp_path / "a", [frame(i, src=i) for i in range(1, 5000)])
    with packets.Listener() as gone:
        port = gone.port
    done = run("probe", "-r", path, "--to", f"127.0.0.1:{port}", status=1)
    assert "nobody listens at that port" in done.stderr


def test_broken_frames_are_counted_and_nothing_else_happens(probe, tmp_path):
    chance = random.Random(7)
    frames = []
    for i in range(3000):
        at, data = frame(i, src=i % 50 + 1, payload=chance.randrange(100))
        data = bytearray(data)
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        frames.append((at, bytes(data[: chance.randrange(1, len(data) + 1)])))
    _, done = probe(capture(tmp_path / "a", frames))
    assert "frames that end within a header" in done.stderr
    assert "a header that cannot be" in done.stderr


def test_a_capture_that_ends_within_a_frame_gives_what_is_there(run, tmp_path):
    path = capture(tmp_path / "a", [frame(i) for i in range(100)])
    path.write_bytes(path.read_bytes()[:-5])
    with packets.Listener() as listener:
        done = run("probe", "-r", path, "--to", f"127.0.0.1:{listener.port}", status=1)
        assert len(listener.datagrams()) == 1
    assert "metered 99 packets" in done.stderr and "ends within a frame" in done.stderr


def test_reads_standard_input(run, tmp_path):
    path = capture(tmp_path / "a", [frame(i) for i in range(100)])
    with packets.Listener() as listener, open(path, "rb") as f:
        done = run("probe", "-r", "-", "--to", f"127.0.0.1:{listener.port}", stdin=f)
    assert "metered 100 packets" in done.stderr


@pytest.mark.parametrize("args, said", (
    ([], "expected --interface DEV, --read FILE, or --config FILE"),
    (["-r", "x"], "expected --to HOST:PORT"),
    (["-r", "x", "--to", "nonsense"], "expected HOST:PORT such as 192.0.2.1:2055"),
    (["-r", "x", "--to", "127.0.0.1:1", "--version", "8"], "expected 1, 5, 6, 7, 9 or ipfix, found \"8\""),
    (["-r", "x", "--to", "127.0.0.1:1", "--active", "100ms"], "expected whole seconds"),
    (["-r", "x", "--to", "127.0.0.1:1", "--timeout", "tcp=5s"], "tcp-generic, tcp-fin, tcp-rst, max-active-life or expiry-interval; found \"tcp=5s\""),
    (["-r", "x", "--to", "127.0.0.1:1", "--random"], "expected --sample N, too"),
    (["-r", "x", "--to", "127.0.0.1:1", "--version", "7", "--sample", "9"], "--sample: NetFlow v7 cannot say it; expected --version 5, 9 or ipfix"),
    (["-r", "x", "--to", "127.0.0.1:1", "--mtu", "100"], "expected at least 576"),
    (["-r", "x", "--to", "127.0.0.1:1", "--source", "203.0.113.1"], "this machine does not have that address"),
))
def test_mistakes_are_explained(run, args, said):
    assert said in run("probe", *args, status=2).stderr


def test_a_file_that_is_no_capture_is_refused(run, tmp_path):
    path = tmp_path / "a"
    path.write_text("not packets at all, but enough of them")
    with packets.Listener() as listener:
        assert "not a capture of packets" in run("probe", "-r", path, "--to", f"127.0.0.1:{listener.port}", status=1).stderr
