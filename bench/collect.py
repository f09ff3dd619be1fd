#!/usr/bin/env python3
"""weir collect beside Debian's nfcapd (LZ4), in one run on one machine: CPU and size, overload, a second worker.

    bench/collect.py [--build DIR] [--flows N] [--rate DATAGRAMS] [--rounds N] [--dir DIR] [PART...]

PART is cpu, overload, thrice, workers, senders or strangers; all of them by default. What is measured and how is in bench/README.md.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import run

VERSIONS = {"v5": 5, "v9": 9, "IPFIX": 10}
PARTS = ("cpu", "overload", "thrice", "workers", "senders", "strangers")
SENDERS, SENDER_KB, MOST_MB = 500, 64, 150


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    p.add_argument("--build", type=pathlib.Path, default=run.ROOT / "build", help="where weir and flowgen are built")
    p.add_argument("--flows", type=int, default=10_000_000)
    p.add_argument("--rate", type=int, default=20_000, help="datagrams a second where CPU is measured")
    p.add_argument("--rounds", type=int, default=3, help="runs of each collector; they alternate, the median counts")
    p.add_argument("--dir", type=pathlib.Path, help="for stores (default: /dev/shm where there is room)")
    args = p.parse_args()
    for part in args.parts:
        if part not in PARTS:
            p.error(f"{part}: no such part, expected one of {', '.join(PARTS)}")
    args.weir = args.build / "src/cli/weir"
    args.flowgen = args.build / "bench/flowgen"
    return args


class Collected:
    """What one collector did with one stream."""

    def __init__(self, cpu_s, sent, send_s, kept, disk_bytes):
        self.cpu_us = cpu_s / max(kept, 1) * 1e6
        self.sent, self.send_s, self.kept = sent, send_s, kept
        self.stored_per_s = kept / send_s
        self.flow_bytes = disk_bytes / max(kept, 1)


def command(tool, port, store, args, options):
    if tool == "nfcapd":
        store.mkdir()
        return ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", store, "-y", "-B", "8000000"]
    return [args.weir, "collect", "--quiet", "--listen", f"127.0.0.1:{port}", "--store", store, *options]


def kept_by(tool, store, args):
    if tool == "nfcapd":
        text = subprocess.run(["nfdump", "-R", store, "-I"], capture_output=True, text=True, check=True).stdout
        return sum(map(int, re.findall(r"^Flows: (\d+)", text, re.M)))
    text = subprocess.run([args.weir, "query", "--store", store, "--by", "version", "--format", "jsonl"],
                          capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r'"flows":(\d+)', text)))


def collect(tool, version, flows, rate, args, options=()):
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        store = pathlib.Path(folder) / "store"
        port = run.free_port()
        with open(pathlib.Path(folder) / "log", "w+") as log:
            process = subprocess.Popen(command(tool, port, store, args, options), stdout=log, stderr=log)
            end = time.monotonic() + 10
            while not run.listening(port):
                if time.monotonic() > end or process.poll() is not None:
                    log.seek(0)
                    sys.exit(f"{tool} did not start: {log.read()}")
                time.sleep(0.05)
            send = [args.flowgen, "-v", str(version), "-n", str(flows), "-e", "4", "-d", f"127.0.0.1:{port}"]
            if rate:
                send += ["-r", str(rate)]
            said = subprocess.run(send, check=True, capture_output=True, text=True).stderr
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            cpu_s = run.rusage_of(process)
        seconds = float(re.search(r"seconds=([\d.]+)", said).group(1))
        return Collected(cpu_s, flows, seconds, kept_by(tool, store, args), run.size_of(store))


def median(runs, what):
    return statistics.median(getattr(r, what) for r in runs)


def cpu(args):
    print(f"\n## CPU and size: {args.flows / 1e6:g} M flows of 4 exporters at {args.rate} datagrams/s, "
          f"median of {args.rounds} alternating runs\n")
    print("| version | collector | flows kept, least | CPU-s per M flows | bytes per flow on disk | weir's CPU : nfcapd's |\n"
          "|---|---|---|---|---|---|")
    for name, version in VERSIONS.items():
        runs = {"nfcapd": [], "weir": []}
        for _ in range(args.rounds):
            for tool, seen in runs.items():
                seen.append(collect(tool, version, args.flows, args.rate, args))
        ratio = median(runs["weir"], "cpu_us") / median(runs["nfcapd"], "cpu_us")
        for tool, seen in runs.items():
            print(f"| {name} | {tool} | {min(r.kept for r in seen)} | {median(seen, 'cpu_us'):.3f} | "
                  f"{median(seen, 'flow_bytes'):.2f} | {f'{ratio:.2f}' if tool == 'weir' else ''} |", flush=True)


def overload(args, rounds=5):
    flows = args.flows * 3
    print(f"\n## Overload: {flows / 1e6:g} M flows of v9 as fast as the sender can, median of {rounds} alternating runs\n")
    print("| collector | offered, M flows/s | stored, M flows/s | least, most |\n|---|---|---|---|")
    runs = {"nfcapd": [], "weir": []}
    for _ in range(rounds):
        for tool, seen in runs.items():
            seen.append(collect(tool, 9, flows, 0, args))
    for tool, seen in runs.items():
        rates = sorted(r.stored_per_s / 1e6 for r in seen)
        offered = statistics.median(r.sent / r.send_s for r in seen) / 1e6
        print(f"| {tool} | {offered:.2f} | {statistics.median(rates):.2f} | {rates[0]:.2f}, {rates[-1]:.2f} |")
    print(f"\nweir stores {median(runs['weir'], 'stored_per_s') / median(runs['nfcapd'], 'stored_per_s'):.2f} times as many. "
          "What waits in receive buffers when the sender ends counts as stored.")


def workers(args, rounds=5):
    print(f"\n## A second worker: {args.flows / 1e6:g} M flows of v9 at {args.rate} datagrams/s, "
          f"median of {rounds} alternating runs\n")
    runs = {"1": [], "2": []}
    for _ in range(rounds):
        for n, seen in runs.items():
            seen.append(collect("weir", 9, args.flows, args.rate, args, ["--workers", n]))
    print("| workers | CPU-s per M flows |\n|---|---|")
    for n, seen in runs.items():
        print(f"| {n} | {median(seen, 'cpu_us'):.3f} |")
    print(f"\nThe second adds {(median(runs['2'], 'cpu_us') / median(runs['1'], 'cpu_us') - 1) * 100:.0f} %.")


class Quota:
    """A share of one processor for a process: the sender, on the same machine, is no faster than three whole ones."""

    def __init__(self, pid, share):
        v1 = pathlib.Path("/sys/fs/cgroup/cpu")
        self.group = (v1 if v1.is_dir() else pathlib.Path("/sys/fs/cgroup")) / f"weir-bench-{pid}"
        self.group.mkdir()
        if v1.is_dir():
            (self.group / "cpu.cfs_period_us").write_text("20000")
            (self.group / "cpu.cfs_quota_us").write_text(str(int(20000 * share)))
        else:
            (self.group / "cpu.max").write_text(f"{int(20000 * share)} 20000")
        (self.group / "cgroup.procs").write_text(str(pid))

    def end(self):
        self.group.rmdir()


def offered(args, rate, seconds, share, total):
    """weir with a share of a processor, offered so many datagrams a second: what it stored in a second, and how it was meanwhile."""
    w = Watched(args, options=["--workers", "1"])
    quota = Quota(w.process.pid, share)
    answers = []
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # which nobody reads: sending costs the machine the same in each run
    sink.bind(("127.0.0.1", 0))
    rest = subprocess.Popen([args.flowgen, "-d", f"127.0.0.1:{sink.getsockname()[1]}", "-v", "9", "-n", str(10**10), "-e", "4", "-r", str(total - rate)],
                            stderr=subprocess.DEVNULL)
    sender = w.send("-v", 9, "-n", rate * 29 * seconds, "-e", 4, "-r", rate)
    time.sleep(2)
    before, began, busy = w.counters()["flows"], time.monotonic(), w.cpu_s()
    while sender.poll() is None:
        asked = time.monotonic()
        now = w.counters()["flows"]
        answers.append(time.monotonic() - asked)
        stored, each_cpu_s = (now - before) / (time.monotonic() - began), (now - before) / max(w.cpu_s() - busy, 0.01)
        time.sleep(0.3)
    rest.terminate()
    rest.wait()
    sink.close()
    really = int(re.search(r"per_second=(\d+)", sender.communicate()[1]).group(1))
    w.until_quiet()
    n, books = w.counters(), w.books()
    lost = n["kernel_drops"]
    w.stop()
    quota.end()
    return {"rate": really, "stored": stored, "each_cpu_s": each_cpu_s, "lost": lost, "slowest": max(answers), "balanced": books["balanced"]}


def thrice(args, share=0.15, seconds=12, total=100_000):
    print(f"\n## Three times as much as it can take: v9, weir with {share:g} of a processor, beside a sender that makes {total} datagrams a second in all\n")
    print("| datagrams offered a second | flows stored a second | a CPU second | datagrams dropped by the kernel | slowest answer of weir show | books |\n|---|---|---|---|---|---|")
    best, rate = None, 3000
    while True:
        r = offered(args, rate, seconds, share, total)
        print(f"| {r['rate']} | {r['stored']:.0f} | {r['each_cpu_s'] / 1e6:.2f} M | {r['lost']} | {r['slowest'] * 1000:.0f} ms | {'balance' if r['balanced'] else 'DO NOT BALANCE'} |", flush=True)
        if r["lost"]:
            break
        best, rate = r, int(rate * 1.25)
    r = offered(args, 3 * best["rate"], 2 * seconds, share, total)
    print(f"| {r['rate']} | {r['stored']:.0f} | {r['each_cpu_s'] / 1e6:.2f} M | {r['lost']} | {r['slowest'] * 1000:.0f} ms | {'balance' if r['balanced'] else 'DO NOT BALANCE'} |")
    print(f"\nOffered {r['rate'] / best['rate']:.1f} times the most that it took without loss, it stores {r['stored'] / best['stored']:.2f} of that a second (at least 0.9), "
          f"{r['each_cpu_s'] / best['each_cpu_s']:.2f} a CPU second: the senders, too, want the two processors.")


class Watched:
    """weir collect while it runs, asked for what it knows."""

    def __init__(self, args, options=(), under=()):
        self.args, self.folder = args, tempfile.TemporaryDirectory(dir=args.work)
        self.store, self.port = pathlib.Path(self.folder.name) / "store", run.free_port()
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        self.process = subprocess.Popen([*under, *command("weir", self.port, self.store, args, options)], stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                self.log.seek(0)
                sys.exit(f"weir did not start: {self.log.read()}")
            time.sleep(0.1)

    def answers(self):
        return subprocess.run([self.args.weir, "show", "collect", "--store", self.store], capture_output=True).returncode == 0

    def show(self, what):
        text = subprocess.run([self.args.weir, "show", what, "--json", "--store", self.store], capture_output=True, text=True, check=True).stdout
        return json.loads(text)

    def counters(self):
        return self.show("counters")["counters"]

    def books(self):
        text = subprocess.run([self.args.weir, "books", "--json", "--store", self.store], capture_output=True, text=True, check=True).stdout
        return json.loads(text)

    def until_quiet(self):
        seen = -1
        while seen != (now := self.counters()["datagrams"]):
            seen = now
            time.sleep(0.5)

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1000

    def send(self, *options):
        return subprocess.Popen([self.args.flowgen, "-d", f"127.0.0.1:{self.port}", "-b", f"@{int(time.time())}", *map(str, options)],
                                stderr=subprocess.PIPE, text=True)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        self.folder.cleanup()


def senders(args):
    if not shutil.which("valgrind"):
        print("\nno valgrind: senders are left out")
        return
    flows, rate = 480_000, 1000
    print(f"\n## {SENDERS} senders instead of one: {flows / 1e6:g} M flows of v9\n")
    print("| senders | instructions per flow, callgrind | memory |\n|---|---|---|")
    instructions, memory = {}, {}
    for n in (1, SENDERS):
        counted = pathlib.Path(args.work) / f"callgrind.{n}"
        w = Watched(args, under=["valgrind", "--tool=callgrind", f"--callgrind-out-file={counted}"])
        w.send("-v", 9, "-n", flows, "-e", n, "-r", rate).wait()
        w.until_quiet()
        kept = w.counters()["flows"]
        w.stop()
        instructions[n] = int(re.search(r"^(?:summary|totals): (\d+)", counted.read_text(), re.M).group(1)) / kept
        w = Watched(args)
        w.send("-v", 9, "-n", flows * 10, "-e", n, "-r", 10 * rate).wait()
        w.until_quiet()
        memory[n] = w.memory_mb()
        w.stop()
        print(f"| {n} | {instructions[n]:.0f} | {memory[n]:.0f} MB |", flush=True)
    more = (instructions[SENDERS] / instructions[1] - 1) * 100
    most = MOST_MB + SENDERS * SENDER_KB / 1000
    print(f"\n{more:+.1f} % instructions (at most +15 %); {memory[SENDERS]:.0f} MB (at most {most:.0f} MB).")


def strangers(args, known=50, rate=2500, seconds=45):
    """Beside known senders, whom nobody permits by name, every datagram of a flood has another source address."""
    addresses, each = 4_000_000, 2_000_000
    print(f"\n## {addresses / 1e6:g} M spoofed senders as fast as this machine sends, beside {known} known ones\n")
    print("| flood | strangers, datagrams/s | memory |\n|---|---|---|")
    w = Watched(args)
    steady = w.send("-v", 5, "-n", rate * seconds * 30, "-e", known, "-r", rate)
    time.sleep(3)  # they have a history then
    sizes = []
    while steady.poll() is None:
        _, said = w.send("-v", 5, "-n", each, "-R", 1, "-x", addresses).communicate()
        sizes.append(w.memory_mb())
        flood_rate = re.search(r"per_second=(\d+)", said).group(1)
        print(f"| {len(sizes)} | {flood_rate} | {sizes[-1]:.0f} MB |", flush=True)
    w.until_quiet()
    sent, received, dropped = rate * seconds, known_of(w, known), w.counters()["kernel_drops"]
    there = len({s["exporter"].split(":")[0] for s in w.show("senders")["senders"] if s["datagrams"] > 100})
    balanced = w.books()["balanced"]
    w.stop()
    print(f"\nThe known sent {sent} datagrams, {received} are in their books; the kernel dropped {dropped} of all, so at least "
          f"{max(0, sent - received - dropped)} were lost after it. {there} of {known} are still followed; the books "
          f"{'balance' if balanced else 'DO NOT BALANCE'}; memory {sizes[-1] - sizes[0]:+.0f} MB from the first flood to the last.")


def known_of(w, known):
    """Datagrams of the known, by the books: 127.0.0.10 and up."""
    books = w.books()["books"]
    return sum(b["datagrams"] for b in books if b["what"] == "sender" and b["exporter"].startswith("127.0.0."))


def main():
    args = arguments()
    for tool in (args.weir, args.flowgen):
        if not tool.exists():
            sys.exit(f"{tool} is not built; run make")
    for tool in ("nfcapd", "nfdump"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing; install nfdump")
    print(run.machine())
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=run.place(args.dir, args.flows * 200)) as work:
        args.work = work
        for part in args.parts or PARTS:
            {"cpu": cpu, "overload": overload, "thrice": thrice, "workers": workers, "senders": senders, "strangers": strangers}[part](args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
