#!/usr/bin/env python3
"""Weir beside Debian's nfdump and DuckDB, in one run on one machine: decoding alone, collecting, questions.

    bench/run.py [--build DIR] [--flows N] [--rate DATAGRAMS] [--rounds N] [--dir DIR]

What is measured and how is in bench/README.md. Needs nfcapd and nfdump; ends with 1 where a floor
is not reached.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import queries
from queries import place

ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="where weir and flowgen are built")
    p.add_argument("--flows", type=queries.count, default=10_000_000)
    p.add_argument("--rate", type=int, default=10_000, help="datagrams a second to collectors (24 flows each)")
    p.add_argument("--rounds", type=int, default=3, help="of each query; the median counts")
    p.add_argument("--dir", type=pathlib.Path, help="for stores (default: /dev/shm where there is room)")
    return p.parse_args()


def machine():
    version = re.search(r"\d+\.\d+\.\d+", subprocess.run(["nfdump", "-V"], capture_output=True, text=True).stdout).group(0)
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"nfdump {version}; {os.cpu_count()} cores, {model.group(1) if model else 'unknown'}; {time.strftime('%Y-%m-%d')}"


def rusage_of(process):
    """Wait for it; CPU seconds of it and what it waited for."""
    _, status, use = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return use.ru_utime + use.ru_stime


def decode_alone(tools, work, floor=10.0):
    print("\n## Decode alone, one core\n\n| version | M flows/s (median of 9) | floor |\n|---|---|---|")
    ok = True
    for version, name in ((5, "v5"), (9, "v9"), (10, "IPFIX")):
        pcap = work / "decode.pcap"
        subprocess.run([tools["flowgen"], "-v", str(version), "-n", "1M", "-e", "4", "-o", pcap], check=True, stderr=subprocess.DEVNULL)
        out = subprocess.run([tools["bench_decode"], pcap], check=True, capture_output=True, text=True).stdout
        rate = float(re.search(r"median=([\d.]+)", out).group(1))
        needed = version != 10
        ok &= rate >= floor or not needed
        print(f"| {name} | {rate:.1f} | {floor if needed else ''} |")
        pcap.unlink()
    return ok


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def collect(name, command, port, work, args):
    """Let one collector take the stream; its CPU seconds."""
    log = open(work / f"{name}.log", "w+")
    process = subprocess.Popen(command, stdout=log, stderr=log)
    end = time.monotonic() + 10
    while not listening(port):
        if time.monotonic() > end or process.poll() is not None:
            sys.exit(f"{name} did not start, see {log.name}")
        time.sleep(0.05)
    subprocess.run([args.flowgen, "-v", "9", "-n", str(args.flows), "-e", "4", "-d", f"127.0.0.1:{port}", "-r", str(args.rate)],
                   check=True, stderr=subprocess.DEVNULL)
    queries.plant(port)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    return rusage_of(process)


def size_of(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def listening(port):
    return f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text()


def collectors(tools, work, args):
    nf, weir = work / "nfcapd", work / "weir"
    nf.mkdir()
    port = free_port()
    cpu = {"nfcapd": collect("nfcapd", ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", nf, "-y", "-B", "8000000"], port, work, args)}
    port = free_port()
    cpu["weir"] = collect("weir", [tools["weir"], "collect", "--listen", f"127.0.0.1:{port}", "--store", weir], port, work, args)
    header = subprocess.run(["nfdump", "-R", nf, "-I"], capture_output=True, text=True, check=True).stdout
    asked = subprocess.run([tools["weir"], "query", "--store", weir, "--by", "version", "--format", "jsonl"],
                           capture_output=True, text=True, check=True).stdout
    kept = {"nfcapd": sum(map(int, re.findall(r"^Flows: (\d+)", header, re.M))),
            "weir": sum(map(int, re.findall(r'"flows":(\d+)', asked)))}
    print(f"\n## Collect {args.flows / 1e6:g} M flows of v9 at {args.rate} datagrams/s\n")
    print("| collector | flows kept | CPU-s per M flows | bytes per flow on disk |\n|---|---|---|---|")
    for name, folder in (("nfcapd", nf), ("weir", weir)):
        print(f"| {name}{' (lz4)' if name == 'nfcapd' else ' collect'} | {kept[name]} | "
              f"{cpu[name] / kept[name] * 1e6:.3f} | {size_of(folder) / kept[name]:.1f} |")
    ratio = cpu["nfcapd"] / kept["nfcapd"] / (cpu["weir"] / kept["weir"])
    print(f"\nweir: {ratio:.2f} times as many flows for the same CPU.")
    for name in kept:
        if kept[name] != args.flows + 1:
            print(f"{name} lost {args.flows + 1 - kept[name]} flows; take a lower --rate")
    return nf, weir, ratio >= 1


def main():
    args = arguments()
    tools = {"weir": args.build / "src/cli/weir", "flowgen": args.build / "bench/flowgen", "bench_decode": args.build / "bench/bench_decode"}
    args.flowgen = tools["flowgen"]
    for tool in tools.values():
        if not tool.exists():
            sys.exit(f"{tool} is not built; run make")
    for tool in ("nfcapd", "nfdump"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing; install nfdump")
    print(machine())
    work = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-", dir=place(args.dir, args.flows * 200)))
    try:
        fine = decode_alone(tools, work)
        nf, weir, enough = collectors(tools, work, args)
        fine &= enough
        fine &= queries.ask(tools["weir"], nf, weir, args.flows, args.rounds, args.build)[1]
    finally:
        shutil.rmtree(work)
    print("\nall floors reached" if fine else "\na floor was not reached")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
