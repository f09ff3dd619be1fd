#!/usr/bin/env python3
"""weir probe beside softflowd, nfpcapd and pmacctd, in one run on one machine: packets of a capture into flows.

    bench/probe.py [--build DIR] [--packets N] [--rounds N] [--dir DIR] [PART...]

PART is file, live, flood, routers or dump; all by default. What is measured and how is in bench/README.md; ends with 1 where a floor is not
reached.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import queries
import run

PARTS = ("file", "live", "flood", "routers", "dump")
LIVE_US = 0.55
CPU_US, TIMES_SOFTFLOWD, TIMES_NFPCAPD, FLOOD_SHARE = 0.20, 10, 8, 0.5
FLOOD_ENTRIES, FLOOD_MB = 1 << 18, 128
ROUTERS_RATIO, APPLICATIONS_US = 1.25, 2.0
DUMPED = 1_000_000


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    p.add_argument("--build", type=pathlib.Path, default=run.ROOT / "build", help="where weir is built")
    p.add_argument("--packets", type=queries.count, default=3_000_000)
    p.add_argument("--rounds", type=int, default=5, help="runs of each; they alternate, the median counts")
    p.add_argument("--capture", type=pathlib.Path, help="meter this capture in place of one made for it")
    p.add_argument("--inside", type=pathlib.Path, help=argparse.SUPPRESS)
    p.add_argument("--dir", type=pathlib.Path, help="for captures (default: /dev/shm where there is room)")
    args = p.parse_args()
    for part in args.parts:
        if part not in PARTS:
            p.error(f"{part}: no such part, expected one of {', '.join(PARTS)}")
    args.weir = (args.build / "src/cli/weir").absolute()
    return args


class Sink:
    """A port that takes what exporters send, so that none hears that nobody listens; it costs them nothing."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.socket.close()


# --- traffic: connections that begin and end, TCP and UDP, as packets of which 96 octets are kept ---


def ipv4(src, dst, proto, sport, dport, length, flags):
    head = struct.pack(">BBHHHBBHII", 0x45, 0, length, 0, 0x4000, 60, proto, 0, src, dst)
    if proto == 6:
        return head + struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 512, 0, 0)
    return head + struct.pack(">HHHH", sport, dport, length - 20, 0)


def connections(chance):
    """Endless packets of some thousand connections at a time: (octets, length on the wire)."""
    live = []
    while True:
        while len(live) < 5000:
            tcp = chance.random() < 0.65
            n = max(1, int(chance.lognormvariate(1.6, 1.5))) + (5 if tcp else 0)
            a, b = (int(chance.paretovariate(0.6) * 977) % (1 << 24) + 0x14000000 for _ in "ab")
            live.append([a, b, 6 if tcp else 17, chance.randrange(32768, 61000), chance.choice((443, 443, 80, 22, 53)), n, n])
        i = chance.randrange(len(live))
        c = live[i]
        at = c[6] - c[5]
        back = at % 2
        length = 40 if at < 3 or not back else chance.choice((1500, 1500, 576))
        flags = 2 if at == 0 else 0x12 if at == 1 else 0x11 if c[5] <= 2 else 0x10
        ends = (c[1], c[0], c[2], c[4], c[3]) if back else (c[0], c[1], c[2], c[3], c[4])
        yield ipv4(*ends, max(length, 28), flags), length + 14
        c[5] -= 1
        if c[5] == 0:
            live[i] = live[-1]
            live.pop()


def write(path, packets, n, per_s):
    with open(path, "wb", buffering=1 << 20) as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 96, 1))
        for i, (data, length) in zip(range(n), packets):
            us = 1_700_000_000_000_000 + i * 1_000_000 // per_s
            data = bytes(12) + b"\x08\x00" + data + bytes(42 if length > 96 else 0)
            f.write(struct.pack("<IIII", us // 1_000_000, us % 1_000_000, len(data), max(len(data), length)) + data)
    return path


# --- programs ---


class Metered:
    """CPU microseconds a packet, resident MB, and what the program said."""

    def __init__(self, command, packets):
        out = tempfile.TemporaryFile("w+")
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=out)
        _, status, use = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        self.said = out.read()
        if process.returncode != 0 and "pmacctd" not in str(command[0]):
            sys.exit(f"{command[0]} failed:\n{self.said}")
        self.us = (use.ru_utime + use.ru_stime) / packets * 1e6
        self.mb = use.ru_maxrss / 1024


def pmacctd(work, packets, port):
    """Its configuration."""
    conf = work / "pmacctd.conf"
    conf.write_text(f"daemonize: false\n{packets}\nplugins: nfprobe\nnfprobe_receiver: 127.0.0.1:{port}\n"
                    "nfprobe_version: 9\naggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n")
    return conf


def programs(args, capture, port, work):
    """Name → the command that meters the capture."""
    weir = [args.weir, "probe", "-r", capture, "--to", f"127.0.0.1:{port}", "--version"]
    commands = {"weir, v9": [*weir, "9"], "weir, IPFIX": [*weir, "ipfix"], "weir, v5": [*weir, "5"],
                "weir, into a store": [args.weir, "probe", "-r", capture, "--store", work / "store"]}
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    found = {name: shutil.which(name, path=path) for name in ("softflowd", "nfpcapd", "pmacctd")}
    if found["softflowd"]:
        commands["softflowd, v9"] = [found["softflowd"], "-d", "-r", capture, "-c", "none", "-m", "4000000", "-v", "9", "-n", f"127.0.0.1:{port}"]
    if found["nfpcapd"]:
        (work / "nf").mkdir(exist_ok=True)
        commands["nfpcapd"] = [found["nfpcapd"], "-r", capture, "-w", work / "nf"]
    if found["pmacctd"]:
        commands["pmacctd, v9"] = [found["pmacctd"], "-f", pmacctd(work, f"pcap_savefile: {capture}", port)]
    return commands


def from_file(args, work):
    capture = args.capture or write(work / "traffic.pcap", connections(random.Random(1)), args.packets, 50_000)
    with Sink() as sink:
        commands = programs(args, capture, sink.port, work)
        runs = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                if name.startswith("pmacctd") and runs[name]:
                    continue  # it takes long, and is no floor
                runs[name].append(Metered(command, args.packets))
                shutil.rmtree(work / "store", ignore_errors=True)
    us = {name: statistics.median(r.us for r in rs) for name, rs in runs.items()}
    print(f"\n## {args.packets / 1e6:g} M packets of a capture into flows\n\n| program | CPU-s per M packets | weir (v9) is faster | resident MB |\n|---|---|---|---|")
    for name, rs in runs.items():
        print(f"| {name} | {us[name]:.3f} | {us[name] / us['weir, v9']:.1f} | {statistics.median(r.mb for r in rs):.0f} |")
    print("\n" + runs["weir, v9"][-1].said.splitlines()[0])
    ok = all(us[name] <= CPU_US for name in ("weir, v9", "weir, IPFIX", "weir, into a store"))
    ok &= "nfpcapd" not in us or us["nfpcapd"] >= TIMES_NFPCAPD * us["weir, v9"]
    return ok and ("softflowd, v9" not in us or us["softflowd, v9"] >= TIMES_SOFTFLOWD * us["weir, v9"])


# --- live: over a pair of virtual interfaces in a network of our own ---


def live(args, work):
    write(work / "traffic.pcap", connections(random.Random(1)), args.packets, 50_000)
    network = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]  # where nfpcapd may not lock its memory
    inside = subprocess.run([*network, sys.executable, __file__, "--build", args.build, "--packets", str(args.packets), "--inside", work],
                            capture_output=True, text=True)
    if inside.returncode not in (0, 1):
        print(f"\nlive: no network of our own here, left out:\n{inside.stderr}")
        return True
    print(inside.stdout, end="")
    return inside.returncode == 0


def live_programs(args, work, port):
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    weir = [args.weir, "probe", "-i", "v0", "--to", f"127.0.0.1:{port}"]
    commands = {"weir, v9": weir, "weir, 2 threads": [*weir, "--threads", "2"]}
    found = {name: shutil.which(name, path=path) for name in ("softflowd", "nfpcapd", "pmacctd")}
    if found["softflowd"]:
        commands["softflowd, v9"] = [found["softflowd"], "-d", "-i", "v0", "-m", "4000000", "-v", "9", "-n", f"127.0.0.1:{port}",
                                     "-p", work / "pid", "-c", work / "ctl"]
    if found["nfpcapd"]:
        (work / "nflive").mkdir(exist_ok=True)
        commands["nfpcapd"] = [found["nfpcapd"], "-i", "v0", "-w", work / "nflive"]
    if found["pmacctd"]:
        commands["pmacctd, v9"] = [found["pmacctd"], "-f", pmacctd(work, "pcap_interface: v0", port)]
    return commands


def live_inside(args, work):
    for command in ("ip link set lo up", "ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up"):
        subprocess.run(command.split(), check=True)
    with Sink() as sink:
        commands = live_programs(args, work, sink.port)
        print(f"\n## {args.packets / 1e6:g} M packets live over veth, as fast as they can be put in\n")
        print("| program | packets put in a second | CPU-s per M packets | weir is faster | kernel drops |\n|---|---|---|---|---|")
        weir = None
        for name, command in commands.items():
            with tempfile.TemporaryFile("w+") as out:
                process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=out)
                time.sleep(1.5)
                if process.poll() is not None:
                    print(f"| {name} | it does not run here | | | |")
                    continue
                n, seconds = map(float, subprocess.run([args.build.absolute() / "bench/inject", work / "traffic.pcap", "v1"], capture_output=True, text=True, check=True).stdout.split())
                time.sleep(1)
                process.send_signal(signal.SIGINT)
                _, _, use = os.wait4(process.pid, 0)
                process.returncode = 0
                out.seek(0)
                said = out.read()
            us = (use.ru_utime + use.ru_stime) / n * 1e6
            drops = re.search(r"(\d+) packets that the kernel dropped", said)
            weir = weir or (us, int(drops.group(1)) if drops else 0)
            print(f"| {name} | {n / seconds:.0f} | {us:.3f} | {us / weir[0]:.1f} | {weir[1] if name.startswith('weir') else ''} |")
    return weir[0] <= LIVE_US and weir[1] == 0


def flood(args, work):
    """Each packet is a flow of its own, a million a second of the capture's time; the cache is much too small for them."""
    def strangers():
        i = 0
        while True:
            i += 1
            yield ipv4(0x0A000000 + i * 2654435761 % (1 << 24), 0xC0000201, 17, 1024 + i % 60000, 53, 60, 0), 74
    usual = write(work / "usual.pcap", connections(random.Random(1)), args.packets, 50_000)
    many = write(work / "flood.pcap", strangers(), args.packets, 1_000_000)
    with Sink() as sink:
        command = [args.weir, "probe", "--entries", str(FLOOD_ENTRIES), "--to", f"127.0.0.1:{sink.port}", "-r"]
        runs = {path: [Metered([*command, path], args.packets) for _ in range(args.rounds)] for path in (usual, many)}
    us = {path: statistics.median(r.us for r in rs) for path, rs in runs.items()}
    said = runs[many][-1].said
    early = int(re.search(r"(\d+) flows that ended early", said).group(1))
    print(f"\n## A flood: {args.packets / 1e6:g} M packets, a flow each, into {FLOOD_ENTRIES} entries\n")
    print(f"| traffic | CPU-s per M packets | resident MB |\n|---|---|---|\n| usual | {us[usual]:.3f} | {runs[usual][0].mb:.0f} |")
    print(f"| flood | {us[many]:.3f} | {runs[many][0].mb:.0f} |\n\n{early} flows ended early, and were counted.")
    return us[usual] / us[many] >= FLOOD_SHARE and early == args.packets - FLOOD_ENTRIES and runs[many][0].mb <= FLOOD_MB


# --- all that routers do, configured at once ---

SCHEMES = ("as", "protocol-port", "source-prefix", "destination-prefix", "prefix", "as-tos", "protocol-port-tos", "source-prefix-tos",
           "destination-prefix-tos", "prefix-tos", "prefix-port")


def configured(port, other, rib):
    """Two versions at once, BGP's routes, the eleven aggregation caches, the largest flows."""
    lines = [f"rib {rib}", "interface eth0", " ip flow ingress", "ip flow-export version 5 origin-as bgp-nexthop", f"ip flow-export destination 127.0.0.1 {port}",
             f"ip flow-export destination 127.0.0.1 {other} version 9", "ip flow-top-talkers", " top 10", " sort-by bytes"]
    for name in SCHEMES:
        lines += [f"ip flow-aggregation cache {name}", f" export destination 127.0.0.1 {port}", " enabled"]
    return "\n".join(lines) + "\n"


def routers(args, work):
    sys.path.insert(0, str(run.ROOT / "tests"))
    import mrt
    capture = args.capture or write(work / "traffic.pcap", connections(random.Random(1)), args.packets, 50_000)
    chance = random.Random(2)
    rib = work / "rib.mrt"
    nets = {(0x14000000 + (chance.randrange(1 << 16) << 8), chance.choice((24, 24, 23, 22, 20, 16))) for _ in range(100_000)}
    rib.write_bytes(mrt.dump(*((f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255 & (0xFF << max(0, 24 - bits))}.0/{bits}", "192.0.2.1", 65000 + n % 90, 64000 + n % 700)
                               for n, bits in nets if bits > 16)))
    with Sink() as sink, Sink() as other:
        conf = work / "routers.conf"
        conf.write_text(configured(sink.port, other.port, rib))
        plain = [args.weir, "probe", "-r", capture, "--to", f"127.0.0.1:{sink.port}"]
        commands = {"flags, v9": plain, "all that routers do": [args.weir, "probe", "-r", capture, "--config", conf], "flags, v9, applications": [*plain, "--applications"]}
        if "libndpi" not in subprocess.run([args.weir, "--version"], capture_output=True, text=True).stdout:
            del commands["flags, v9, applications"]
        runs = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                runs[name].append(Metered(command, args.packets))
    us = {name: statistics.median(r.us for r in rs) for name, rs in runs.items()}
    ratio = us["all that routers do"] / us["flags, v9"]
    print(f"\n## {args.packets / 1e6:g} M packets: two exports, BGP's routes, eleven aggregation caches\n\n| program | CPU-s per M packets | resident MB |\n|---|---|---|")
    for name, rs in runs.items():
        print(f"| {name} | {us[name]:.3f} | {statistics.median(r.mb for r in rs):.0f} |")
    print(f"\nAll of it takes {ratio:.2f} of the plain probe's CPU. {runs['all that routers do'][-1].said.splitlines()[-1]}")
    return ratio <= ROUTERS_RATIO and us.get("flags, v9, applications", 0) <= APPLICATIONS_US


# --- a cache of a million flows, shown while packets come ---


def dump(args, work):
    def strangers():
        for i in range(DUMPED):
            yield ipv4(0x0A000000 + i, 0xC0000201, 17, 1024, 53, 60, 0), 74
    write(work / "million.pcap", strangers(), DUMPED, 1_000_000)
    network = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    inside = subprocess.run([*network, sys.executable, __file__, "--build", args.build, "--inside", work, "dump"], capture_output=True, text=True)
    print(inside.stdout, end="")
    if inside.returncode not in (0, 1):
        print(f"\ndump: no network of our own here, left out:\n{inside.stderr}")
    return inside.returncode != 1


def dump_inside(args, work):
    for command in ("ip link set lo up", "ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up"):
        subprocess.run(command.split(), check=True)
    os.environ["RUNTIME_DIRECTORY"] = str(work)
    inject = [args.build.absolute() / "bench/inject", work / "million.pcap", "v1"]
    with Sink() as sink, open(work / "said", "w") as said:
        probe = subprocess.Popen([args.weir, "probe", "-i", "v0", "--to", f"127.0.0.1:{sink.port}", "--entries", "2M", "--inactive", "1h"], stderr=said)
        time.sleep(1.5)
        subprocess.run(inject, capture_output=True, check=True)

        def ask(*words):
            return subprocess.run([args.weir, "show", *words], capture_output=True, text=True, check=True).stdout

        before = json.loads(ask("probe", "--json"))["interfaces"][0]
        feeding = subprocess.Popen(["sh", "-c", "while :; do \"$@\" >/dev/null; done", "sh", *map(str, inject)], start_new_session=True)
        begin = time.monotonic()
        rows = ask("flow", "monitor", "ipv4", "cache", "format", "csv").count("\n") - 1
        took = time.monotonic() - begin
        begin = time.monotonic()
        top = ask("flow", "monitor", "ipv4", "cache", "sort", "highest", "counter", "packets", "top", "10", "format", "csv").count("\n") - 1
        top_took = time.monotonic() - begin
        after = json.loads(ask("probe", "--json"))["interfaces"][0]
        os.killpg(feeding.pid, signal.SIGTERM)
        feeding.wait()
        probe.send_signal(signal.SIGINT)
        probe.wait()
    packets, drops = (after[k] - before[k] for k in ("packets", "kernel_drops"))
    print(f"\n## A cache of {rows} flows, shown while packets come as fast as one core puts them in\n")
    print(f"As csv in {took:.1f} s, the {top} largest in {top_took:.1f} s; meanwhile {packets} packets were metered, {drops} dropped by the kernel.")
    return rows >= DUMPED and top == 10 and drops <= packets / 100


def main():
    args = arguments()
    if not args.weir.exists():
        sys.exit(f"{args.weir} is not built; run make")
    if args.inside:
        return 0 if (dump_inside if "dump" in args.parts else live_inside)(args, args.inside) else 1
    print(run.machine())
    work = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-", dir=queries.place(args.dir, args.packets * 250)))
    fine = True
    try:
        for part in args.parts or PARTS:
            fine &= {"file": from_file, "live": live, "flood": flood, "routers": routers, "dump": dump}[part](args, work)
    finally:
        shutil.rmtree(work)
    print("\nall floors reached" if fine else "\na floor was not reached")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
