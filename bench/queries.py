#!/usr/bin/env python3
"""Questions to nfdump, DuckDB and weir, in one run, over the same flows. bench/run.py calls ask() on what it
collected; alone this makes stores of any size first:

    bench/queries.py [--flows 100M] [--growth] [--rounds N] [--rate DATAGRAMS] [--dir DIR] [--build DIR]

--growth asks 10 M flows first and then --flows, and compares weir's times. DuckDB is taken from build/venv
(tools/venv.sh) and left out where it is not. What is measured and how is in bench/README.md.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
PART = 10_000_000  # flows made, and sent, at a time

# One flow of this host is in the set (flowgen's begin with 20 to 189); of the other none.
NEEDLE, ABSENT = "203.0.113.77", "203.0.113.78"

SUMS = "count(*) AS flows, sum(packets), sum(bytes) AS bytes, min(first_ms), max(last_ms)"
LISTED = "time_ms, first_ms, last_ms, proto, src_addr, src_port, dst_addr, dst_port, tcp_flags, packets, bytes, exporter"
FIVE = "src_addr, dst_addr, proto, src_port, dst_port"


@dataclasses.dataclass
class Question:
    name: str
    nfdump: list | None  # its arguments; None: it cannot say that
    weir: list
    sql: str  # FROM flows; HOST is an address of 16 bytes

    def of_host(self, host):
        """With HOST filled in."""
        address = bytes(10) + b"\xff\xff" + socket.inet_aton(host)
        put = lambda args: args and [a.replace("HOST", host) for a in args]
        return Question(self.name, put(self.nfdump), put(self.weir), self.sql.replace("HOST", f"unhex('{address.hex()}')"))


def host_question(name):
    return Question(name, ["host HOST"], ["--top", "0", "ip HOST"], f"SELECT {LISTED} FROM flows WHERE src_addr = HOST OR dst_addr = HOST")


QUESTIONS = [
    Question("i    all flows by protocol", ["-s", "proto/flows", "-n", "1", "any"], ["--by", "proto", "--sort", "flows", "--top", "1"],
             f"SELECT proto, {SUMS} FROM flows GROUP BY proto ORDER BY flows DESC LIMIT 1"),
    Question("ii   tcp to port 443", ["-s", "proto/bytes", "-n", "1", "proto tcp and dst port 443"],
             ["--by", "proto", "--sort", "bytes", "--top", "1", "proto tcp and dst port 443"],
             f"SELECT proto, {SUMS} FROM flows WHERE proto = 6 AND dst_port = 443 GROUP BY proto"),
    Question("iii  top 10 sources", ["-s", "srcip/bytes", "-n", "10"], ["--by", "src_addr", "--sort", "bytes", "--top", "10"],
             f"SELECT src_addr, {SUMS} FROM flows GROUP BY src_addr ORDER BY bytes DESC LIMIT 10"),
    Question("iv   5-tuple, top 10", ["-A", "srcip,dstip,proto,srcport,dstport", "-O", "bytes", "-n", "10"],
             ["--by", "src_addr,dst_addr,proto,src_port,dst_port", "--sort", "bytes", "--top", "10"],
             f"SELECT {FIVE}, {SUMS} FROM flows GROUP BY {FIVE} ORDER BY bytes DESC LIMIT 10"),
    host_question("v    one host's flows"),
    Question("vi   AS matrix, top 10", ["-A", "srcas,dstas", "-O", "bytes", "-n", "10"],
             ["--by", "src_as,dst_as", "--sort", "bytes", "--top", "10"],
             f"SELECT src_as, dst_as, {SUMS} FROM flows GROUP BY src_as, dst_as ORDER BY bytes DESC LIMIT 10"),
    host_question("needle: a host of one flow").of_host(NEEDLE),
    host_question("a host that is not there").of_host(ABSENT),
    Question("series by protocol, a minute", None, ["--by", "time/1m,proto", "--sort", "time:asc", "--top", "0"],
             f"SELECT time_bucket(INTERVAL '1 minute', time_ms) AS slot, proto, {SUMS} FROM flows GROUP BY slot, proto ORDER BY slot"),
    Question("how many sources", None, ["--columns", "distinct(src_addr)"], "SELECT approx_count_distinct(src_addr) FROM flows"),
]

# What DuckDB's process runs: each question so often, the first unmeasured; times from within, so without its start.
DUCKDB = """
import duckdb, json, resource, sys, time
store, rounds, sql = sys.argv[1], int(sys.argv[2]), sys.argv[3]
db = duckdb.connect()
db.execute(f"CREATE VIEW flows AS SELECT * FROM read_parquet('{store}/date=*/hour=*/*.parquet')")
runs = []
for _ in range(rounds + 1):
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    db.execute(f"COPY ({sql}) TO '/dev/null' (FORMAT csv)")
    after = resource.getrusage(resource.RUSAGE_SELF)
    runs.append((time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
print(json.dumps(runs[1:]))
"""


@dataclasses.dataclass
class Figures:
    wall: float
    cpu: float
    rss_mb: float


class Killed(Exception):
    """By the kernel, which does so where memory is out."""


def ended(process, command):
    """Wait for it; its CPU seconds and peak memory."""
    _, status, use = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        if process.returncode == -signal.SIGKILL:
            raise Killed
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}")
    return use.ru_utime + use.ru_stime, use.ru_maxrss / 1000


def timed(command, rounds):
    """Medians over rounds; one more before them warms the page cache."""
    runs = []
    for _ in range(rounds + 1):
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cpu, rss = ended(process, command)
        runs.append((time.monotonic() - start, cpu, rss))
    return Figures(*(statistics.median(column) for column in zip(*runs[1:])))


def timed_sql(python, store, rounds, sql):
    command = [python, "-c", DUCKDB, store, str(rounds), sql]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    _, rss = ended(process, ["duckdb", sql])
    wall, cpu = (statistics.median(column) for column in zip(*json.loads(text.splitlines()[-1].split("\r")[-1])))
    return Figures(wall, cpu, rss)


def of_peer(name, measure, *args):
    """None if this machine has not the memory that the peer needs."""
    try:
        return measure(*args)
    except Killed:
        print(f"{name} was killed: not enough memory", file=sys.stderr)
        return None


def duckdb_python(build):
    """An interpreter that has it, or None."""
    for python in (build / "venv/bin/python", ROOT / "build/venv/bin/python", pathlib.Path(sys.executable)):
        if python.exists() and subprocess.run([python, "-c", "import duckdb"], capture_output=True).returncode == 0:
            return python
    return None


def geometric(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else float("nan")


def shown(figures, what):
    if figures is None:
        return "–"
    return f"{figures.rss_mb:.0f}" if what == "rss_mb" else f"{getattr(figures, what):.3f}"


class Peer:
    """Who is compared with weir: how many times as fast weir is to be, in each and in geometric mean."""

    def __init__(self, name, each, mean):
        self.name, self.each, self.mean = name, each, mean
        self.ratios = []

    def verdict(self):
        if not self.ratios:
            return f"{self.name}: not measured", True
        mean, least = geometric(self.ratios), min(self.ratios)
        fine = mean >= self.mean and least >= self.each
        return f"{self.name}: {mean:.1f} times in geometric mean (floor {self.mean:g}), at least {least:.1f} (floor {self.each:g})", fine


def memory_floor(nfdump):
    """MB: a fifth of nfdump's where that is large."""
    return nfdump.rss_mb / 5 if nfdump and nfdump.rss_mb > 500 else 64


def ask(weir, nf, store, flows, rounds, build):
    """Ask all questions of all three; print a table; weir's figures by question, and whether floors are reached."""
    top = subprocess.run([weir, "query", "--store", store, "--by", "src_addr", "--top", "1", "--format", "jsonl"],
                         capture_output=True, text=True, check=True).stdout
    busiest = re.search(r'"src_addr":"([^"]+)"', top).group(1)
    python = duckdb_python(build)
    peers = Peer("nfdump", 12, 20), Peer("DuckDB", 1.2, 2.5)
    if not python:
        print("\nno DuckDB (tools/venv.sh build/venv gets it): left out")
    print(f"\n## Questions, {flows / 1e6:g} M flows, warm, median of {rounds}\n")
    print("| question | wall s: nfdump | DuckDB | weir | nfdump / weir | DuckDB / weir | CPU-s: nfdump | DuckDB | weir | MB: nfdump | DuckDB | weir |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    ours, heavy = {}, []
    for question in QUESTIONS:
        q = question.of_host(busiest)
        theirs = (of_peer("nfdump", timed, ["nfdump", "-R", nf, "-q", *q.nfdump], rounds) if q.nfdump and nf else None,
                  of_peer("DuckDB", timed_sql, python, store, rounds, q.sql) if python else None)
        mine = ours[q.name] = timed([weir, "query", "--store", store, *q.weir], rounds)
        ratios = []
        for peer, figures in zip(peers, theirs):
            ratios.append(f"{figures.wall / mine.wall:.1f}" if figures else "–")
            if figures:
                peer.ratios.append(figures.wall / mine.wall)
        if mine.rss_mb > memory_floor(theirs[0]):
            heavy.append(f"{q.name.strip()}: {mine.rss_mb:.0f} MB (at most {memory_floor(theirs[0]):.0f})")
        all_three = (*theirs, mine)
        cells = [q.name, *(shown(f, "wall") for f in all_three), *ratios, *(shown(f, "cpu") for f in all_three),
                 *(shown(f, "rss_mb") for f in all_three)]
        print("| " + " | ".join(cells) + " |", flush=True)
    fine = not heavy
    print()
    for peer in peers:
        text, reached = peer.verdict()
        print(text)
        fine &= reached
    print("memory: " + ("; ".join(heavy) if heavy else "within bounds"))
    return ours, fine


# The needle: a v5 datagram of one flow.
def needle(at_s):
    head = struct.pack(">HHIIIIBBH", 5, 1, 86_400_000, at_s, 0, 0, 0, 0, 0)
    body = socket.inet_aton(NEEDLE) + socket.inet_aton("198.51.100.9") + bytes(4) + struct.pack(">HHII", 1, 2, 3, 1500)
    return head + body + struct.pack(">IIHHBBBBHHBBH", 86_390_000, 86_395_000, 4321, 443, 0, 0x18, 6, 0, 0, 0, 0, 0, 0)


def plant(port, at_s=1_700_000_000):
    """Send the needle to a collector."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(needle(at_s), ("127.0.0.1", port))


def plant_in(pcap, at_s):
    """Append it to flowgen's capture file (Ethernet)."""
    data = needle(at_s)
    udp = struct.pack(">HHHH", 4000, 9995, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\x63", b"\x7f\0\0\x01") + udp
    frame = bytes(12) + b"\x08\0" + ip
    with open(pcap, "ab") as f:
        f.write(struct.pack("<IIII", at_s, 0, len(frame), len(frame)) + frame)


class Nfcapd:
    """nfcapd with LZ4, on a port of its own."""

    def __init__(self, folder):
        folder.mkdir()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(self.port), "-w", folder, "-y", "-B", "8000000"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while f":{self.port:04X} " not in pathlib.Path("/proc/net/udp").read_text():
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit("nfcapd did not start")
            time.sleep(0.05)

    def stop(self):
        time.sleep(1)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def make_stores(args, flows, work):
    """The same parts for both: a capture that weir imports, and by UDP to nfcapd, which hangs on captures."""
    weir, flowgen = args.build / "src/cli/weir", args.build / "bench/flowgen"
    nf, store, pcap = work / "nfcapd", work / "weir", work / "part.pcap"
    collector = Nfcapd(nf) if args.nfdump else None
    for part, first in enumerate(range(0, flows, PART)):
        start = 1_700_000_000 + part * 3600
        common = [flowgen, "-v", "9", "-n", str(min(PART, flows - first)), "-e", "4", "-s", str(part + 1), "-b", f"@{start}"]
        subprocess.run([*common, "-o", pcap], check=True, stderr=subprocess.DEVNULL)
        middle = first <= flows // 2 < first + PART
        if middle:
            plant_in(pcap, start + 1800)
        subprocess.run([weir, "import", "--store", store, pcap], check=True, stderr=subprocess.DEVNULL)
        pcap.unlink()
        if collector:
            subprocess.run([*common, "-d", f"127.0.0.1:{collector.port}", "-r", str(args.rate)], check=True, stderr=subprocess.DEVNULL)
            if middle:
                plant(collector.port, start + 1800)
    if collector:
        collector.stop()
    check_stores(weir, nf if collector else None, store, flows + 1)
    return nf if collector else None, store


def check_stores(weir, nf, store, flows):
    """That both hold the same flows."""
    asked = subprocess.run([weir, "query", "--store", store, "--by", "version", "--format", "jsonl"], capture_output=True, text=True, check=True)
    kept = {"weir": sum(map(int, re.findall(r'"flows":(\d+)', asked.stdout)))}
    if nf:
        header = subprocess.run(["nfdump", "-R", nf, "-I"], capture_output=True, text=True, check=True).stdout
        kept["nfdump"] = sum(map(int, re.findall(r"^Flows: (\d+)", header, re.M)))
    for name, n in kept.items():
        if n != flows:
            print(f"{name} has {n} of {flows} flows; take a lower --rate" if name == "nfdump" else f"{name} has {n} of {flows} flows")


def print_growth(small, large, factor):
    print(f"\n## Growth of weir's times, {factor:g} times as many flows\n\n| question | times as long |\n|---|---|")
    for name in small:
        print(f"| {name} | {large[name].wall / small[name].wall:.1f} |")


def count(text):
    unit = {"k": 1000, "M": 1_000_000, "G": 1_000_000_000}.get(text[-1], 1)
    return int(text.rstrip("kMG")) * unit


def place(wanted, need_bytes):
    if wanted:
        return wanted
    shm = pathlib.Path("/dev/shm")
    roomy = shm.is_dir() and shutil.disk_usage(shm).free > need_bytes
    return shm if roomy else pathlib.Path(tempfile.gettempdir())


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="where weir and flowgen are built")
    p.add_argument("--flows", type=count, default=10_000_000)
    p.add_argument("--growth", action="store_true", help="ask 10 M flows first, and compare")
    p.add_argument("--rounds", type=int, default=3, help="of each question; the median counts")
    p.add_argument("--rate", type=int, default=10_000, help="datagrams a second to nfcapd (24 flows each)")
    p.add_argument("--dir", type=pathlib.Path, help="for stores (default: /dev/shm where there is room)")
    args = p.parse_args()
    args.nfdump = bool(shutil.which("nfcapd") and shutil.which("nfdump"))
    if not args.nfdump:
        print("no nfdump: left out")
    sizes = [PART, args.flows] if args.growth and args.flows > PART else [args.flows]
    results, fine = [], True
    for flows in sizes:
        work = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-", dir=place(args.dir, flows * 85 + 2 * PART * 80)))
        try:
            nf, store = make_stores(args, flows, work)
            ours, reached = ask(args.build / "src/cli/weir", nf, store, flows, args.rounds, args.build)
            results.append(ours)
            fine &= reached
        finally:
            shutil.rmtree(work)
    if len(results) == 2:
        print_growth(*results, sizes[1] / sizes[0])
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
