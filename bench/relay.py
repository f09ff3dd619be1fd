#!/usr/bin/env python3
"""weir relay beside a bare recvmmsg and sendmmsg loop, and samplicate where it is installed, in one run: CPU seconds per million datagrams received.

    bench/relay.py [--build DIR] [--datagrams N] [--rate N] [--rounds N]

Receivers are ports that nobody reads. Ends with 1 where a floor is not reached: 1.15 of the bare loop, with the source kept 1.25.
"""

import argparse
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import run

PLAIN, SPOOFED = 1.15, 1.25


class Ports:
    """Ports that take what comes and drop it, so that no receiver costs a core."""

    def __init__(self, n):
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
        for s in self.sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.bind(("127.0.0.1", 0))
        self.ports = [s.getsockname()[1] for s in self.sockets]

    def close(self):
        for s in self.sockets:
            s.close()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def measure(args, command, port, size):
    """CPU microseconds a datagram received, and how many were."""
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    time.sleep(0.4)
    subprocess.run([args.build / "bench/udploop", "send", str(port), str(size), str(args.datagrams), str(args.rate)], check=True, capture_output=True)
    time.sleep(0.3)
    if process.poll() is None and "udploop" not in str(command[0]):
        process.send_signal(signal.SIGINT)
    _, _, use = os.wait4(process.pid, 0)
    process.returncode = 0
    return (use.ru_utime + use.ru_stime) / args.datagrams * 1e6


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", type=pathlib.Path, default=run.ROOT / "build")
    p.add_argument("--datagrams", type=int, default=200_000)
    p.add_argument("--rate", type=int, default=70_000, help="datagrams a second")
    p.add_argument("--rounds", type=int, default=3)
    args = p.parse_args()
    args.build = args.build.absolute()
    samplicate = shutil.which("samplicate")
    print(run.machine())
    print(f"\n{args.rate} datagrams a second, CPU-s per million received\n\n| bytes | receivers | bare loop | weir | of it | weir -S | of it | samplicate |\n|---|---|---|---|---|---|---|---|")
    fine = True
    for size in (200, 1464):
        for n in (1, 2, 8, 32):
            ports = Ports(n)
            got = {"bare": [], "plain": [], "spoofed": [], "samplicate": []}
            for _ in range(args.rounds):
                for name in got:
                    port = free_port()
                    to = [f"127.0.0.1/{x}" for x in ports.ports]
                    weir = [args.build / "src/cli/weir", "relay", "--samplicate", "-b", "16000000", "-s", "127.0.0.1", "-p", port]
                    command = {"bare": [args.build / "bench/udploop", "relay", port, *ports.ports], "plain": [*weir, *to], "spoofed": [*weir, "-S", *to],
                               "samplicate": [samplicate, "-b", "16000000", "-s", "127.0.0.1", "-p", port, *to]}[name]
                    if command[0]:
                        got[name].append(measure(args, command, port, size))
            ports.close()
            us = {name: statistics.median(v) for name, v in got.items() if v}
            plain, spoofed = us["plain"] / us["bare"], us["spoofed"] / us["bare"]
            fine &= plain <= PLAIN and spoofed <= SPOOFED
            print(f"| {size} | {n} | {us['bare']:.2f} | {us['plain']:.2f} | {plain:.2f} | {us['spoofed']:.2f} | {spoofed:.2f} | {us.get('samplicate', float('nan')):.2f} |", flush=True)
    print("\nall floors reached" if fine else "\na floor was not reached")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
