"""weir show of a running probe: interfaces, caches, exporters, counters."""

import json
import pathlib
import subprocess
import sys

import pytest

from test_probe_live import UNSHARE, may_have_networks


@pytest.mark.skipif(not may_have_networks(), reason="no network namespaces with veth here")
def test_a_running_probe_is_asked(tmp_path):
    done = subprocess.run([*UNSHARE, sys.executable, "-c", ASKED, str(tmp_path)], capture_output=True, text=True, cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    r = json.loads(done.stdout)
    (interface,), (v4, v6), (to,) = r["probe"]["interfaces"], r["probe"]["monitors"], r["probe"]["exporters"]
    assert (interface["interface"], interface["number"], interface["kernel_drops"]) == ("lo", 1, 0) and interface["packets"] >= 10
    assert (v4["flows"], v4["added"], v4["high_water"], v4["entries"], v6["added"]) == (10, 10, 10, 1000, 0)
    assert to["to"].startswith("127.0.0.1:") and (to["version"], to["transport"], to["records"]) == (9, "udp", 0)
    assert r["probe"]["counters"]["packets"] == 10 == r["counters"]["flows_metered"]
    assert "Interface lo (1):" in r["text"] and "10 of 1000 entries" in r["text"] and "Metered 10 packets" in r["text"]
    assert any(d["name"] == "capture_drops" and d["count"] == 0 for d in r["drops"])
    assert "no probe runs there" in r["gone"] and not r["left"]


def test_nobody_is_there(run, tmp_path):
    assert "no probe runs there" in run("show", "probe", "--store", tmp_path, status=1).stderr


ASKED = r"""
import json, os, pathlib, signal, socket, subprocess, sys
import conftest
from router import ip
folder = pathlib.Path(sys.argv[1])
os.environ["RUNTIME_DIRECTORY"] = str(folder)
ip("link", "set", "lo", "up")
with open(folder / "log", "w") as log:
    p = subprocess.Popen([conftest.WEIR, "probe", "-i", "lo", "--to", "127.0.0.1:9", "-f", "udp dst port 7", "--entries", "1000", "--instance", "mine"], stderr=log)
def show(*args):
    return subprocess.run([conftest.WEIR, "show", "--instance", "mine", *args], capture_output=True, text=True)
try:
    conftest.until(lambda: "metering" in (folder / "log").read_text() or p.poll() is not None, "the probe to begin")
    for i in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 1000 + i))
            s.sendto(b"x", ("127.0.0.1", 7))
    conftest.until(lambda: json.loads(show("probe", "--json").stdout)["counters"]["flows_metered"] == 10, "the flows")
    out = {"probe": json.loads(show("probe", "--json").stdout), "counters": json.loads(show("--probe", "counters", "--json").stdout)["counters"],
           "drops": json.loads(show("--probe", "drops", "--json").stdout)["drops"], "text": show("probe").stdout}
    p.send_signal(signal.SIGINT)
    p.wait(30)
    print(json.dumps(out | {"gone": show("probe").stderr, "left": [x.name for x in folder.glob("*.sock")]}))
finally:
    p.kill()
"""
