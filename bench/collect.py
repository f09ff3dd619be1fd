#!/usr/bin/env python3
"""weir collect beside Debian's nfcapd (LZ4), in one run on one machine: CPU and size, overload, a second worker.

    bench/collect.py [--build DIR] [--flows N] [--rate DATAGRAMS] [--rounds N] [--dir DIR] [PART...]

PART is cpu, overload or workers; all of them by default. What is measured and how is in bench/README.md.
"""

import argparse
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import run

VERSIONS = {"v5": 5, "v9": 9, "IPFIX": 10}
PARTS = ("cpu", "overload", "workers")


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
            {"cpu": cpu, "overload": overload, "workers": workers}[part](args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
