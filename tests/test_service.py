"""As a service: what the manager is told, and the systemd unit."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest
from conftest import ROOT, WEIR, until, v5

UNITS = [ROOT / f"packaging/weir-{name}.service" for name in ("collect", "probe")]


class Manager:
    """What a service manager hears."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(0.01)
        self.heard = []

    def listen(self):
        try:
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        except TimeoutError:
            return self.heard


def test_the_manager_is_told(collector, tmp_path):
    manager = Manager(tmp_path / "notify")
    c = collector(env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"})
    until(lambda: manager.listen().count("WATCHDOG=1") >= 3, "signs of life")
    assert "READY=1" in manager.heard
    c.process.send_signal(signal.SIGHUP)
    until(lambda: manager.listen().count("READY=1") == 2, "the end of reloading")
    reloading = next(i for i, text in enumerate(manager.heard) if text.startswith("RELOADING=1\nMONOTONIC_USEC="))
    assert reloading < len(manager.heard) - 1 - manager.heard[::-1].index("READY=1")
    assert c.stop() == 0
    assert manager.listen()[-1] == "STOPPING=1"


def test_nobody_is_told_where_nobody_asks(collector):
    c = collector(env={"WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"})
    c.send(v5(0))
    c.wait_for(datagrams=1)
    assert c.stop() == 0


needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.stem)


@needs_analyze
@each_unit
def test_the_unit_is_hardened(unit):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    assert exposure, said.stdout + said.stderr
    assert float(exposure.group(1)) < 2.0


@needs_analyze
@each_unit
def test_the_unit_is_understood(tmp_path, unit):
    ours = tmp_path / unit.name
    ours.write_text(re.sub(r"man:weir-\w+\(1\)", "https://example.net", unit.read_text().replace("/usr/bin/weir", WEIR)))
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", str(ours)], capture_output=True, text=True)
    assert not [line for line in said.stderr.splitlines() if unit.name in line], said.stderr


@each_unit
def test_the_unit_calls_weir_as_it_is(run, tmp_path, unit):
    command, *start = re.search(r"^ExecStart=/usr/bin/weir (.*)$", unit.read_text(), re.M).group(1).split()
    options = run(command, "--help").stdout
    assert all(f"{word} " in options for word in start if word.startswith("--"))
