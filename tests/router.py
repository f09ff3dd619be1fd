"""A Linux router between two hosts, that runs weir probe; started in a user and network namespace of its own, see
test_probe_live.py. Prints what became of it as JSON.

    unshare -Urn python router.py FOLDER [PROBE'S ARGUMENTS...]
    unshare -Urn python router.py FOLDER --config TEXT       the probe does what TEXT says; {0} and {1} in it are the collectors' ports
"""

import json
import pathlib
import signal
import subprocess
import sys

import conftest

SENDER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[2])))
for i in range(int(sys.argv[4])):
    s.sendto(bytes(int(sys.argv[5])), (sys.argv[1], int(sys.argv[3])))
"""
HOSTS = {"h0": ("10.0.0", "fd00:0::"), "h1": ("10.0.1", "fd00:1::")}


def ip(*args, at=None):
    prefix = ["nsenter", "-t", str(at), "-n"] if at else []
    return subprocess.run([*prefix, "ip", *args], check=True, capture_output=True, text=True).stdout


def host(name):
    """A process in a network of its own, joined to the router's by r0 or r1."""
    process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec sleep 600"], stdout=subprocess.PIPE)
    process.stdout.readline()
    v4, v6 = HOSTS[name]
    mine = name.replace("h", "r")
    ip("link", "add", "name", mine, "type", "veth", "peer", "name", name)
    ip("link", "set", name, "netns", str(process.pid))
    for dev, last, at in ((mine, 1, None), (name, 2, process.pid)):
        ip("link", "set", dev, "up", at=at)
        ip("addr", "add", f"{v4}.{last}/24", "dev", dev, at=at)
        ip("addr", "add", f"{v6}{last}/64", "dev", dev, "nodad", at=at)
    mac = {d: json.loads(ip("-j", "link", "show", "dev", d, at=at))[0]["address"] for d, at in ((mine, None), (name, process.pid))}
    for net in (f"{v4}.", v6):  # neighbours know each other: no packet waits, or is given up, until one has answered
        ip("neigh", "replace", f"{net}2", "lladdr", mac[name], "dev", mine, "nud", "permanent")
        ip("neigh", "replace", f"{net}1", "lladdr", mac[mine], "dev", name, "nud", "permanent", at=process.pid)
    ip("route", "add", "default", "via", f"{v4}.1", at=process.pid)
    ip("-6", "route", "add", "default", "via", f"{v6}1", at=process.pid)
    return process


def send(sender, to, sport, dport, n, size):
    subprocess.run(["nsenter", "-t", str(sender.pid), "-n", sys.executable, "-c", SENDER, to, str(sport), str(dport), str(n), str(size)],
                   check=True)


def counters(dev):
    stats = json.loads(ip("-s", "-j", "link", "show", "dev", dev))[0]["stats64"]["rx"]
    return stats["packets"], stats["bytes"]


def stored(collector):
    query = subprocess.run([conftest.WEIR, "query", "--store", str(collector.store), "--raw", "--format", "jsonl"], check=True, capture_output=True)
    return [json.loads(line) for line in query.stdout.splitlines()]


def main(folder, *args):
    ip("link", "set", "lo", "up")
    hosts = [host("h0"), host("h1")]
    for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        pathlib.Path("/proc/sys/net", path).write_text("1")
    collectors = [conftest.Collector(folder / f"store{i}") for i in range(2)]
    log = folder / "probe.log"
    if args and args[0] == "--config":
        (folder / "probe.conf").write_text(args[1].format(*(c.port for c in collectors)))
        what = ["--config", folder / "probe.conf"]
    else:
        what = ["-i", "r0", "-i", "r1", *(x for c in collectors for x in ("--to", f"127.0.0.1:{c.port}")), *args]
    with open(log, "w") as out:
        probe = subprocess.Popen([conftest.WEIR, "probe", *what], stderr=out)
    try:
        conftest.until(lambda: log.read_text().count("metering ") >= 2 + args.count("-i") or probe.poll() is not None, "the probe to begin")
        before = [counters(d) for d in ("r0", "r1")]
        send(hosts[0], "10.0.1.2", 1000, 9, 500, 100)
        send(hosts[0], "10.0.1.2", 1001, 9, 50, 1400)
        send(hosts[1], "10.0.0.2", 2000, 9, 300, 10)
        send(hosts[1], "fd00:0::2", 2001, 9, 200, 700)
        send(hosts[0], "fd00:1::2", 1002, 9, 100, 0)
        after = [counters(d) for d in ("r0", "r1")]
        want = 10 if "both" in args else 6 if "--config" in args else 5
        for c in collectors:  # all that was sent ends by its timeout
            conftest.until(lambda c=c: sum(f["dst_port"] == 9 for f in stored(c)) >= want, "the flows")
        probe.send_signal(signal.SIGINT)
        status = probe.wait(20)
        stores = [stored(c) for c in collectors]
        index = {d: json.loads(ip("-j", "link", "show", "dev", d))[0]["ifindex"] for d in ("r0", "r1")}
        print(json.dumps({"status": status, "log": log.read_text(), "before": before, "after": after, "stores": stores, "index": index}))
    finally:
        probe.kill()
        for p in hosts:
            p.kill()
        for c in collectors:
            c.__exit__()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
