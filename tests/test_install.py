"""What `make install` puts where."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import ROOT, WEIR

BUILD = pathlib.Path(WEIR).resolve().parents[2]

pytestmark = pytest.mark.skipif(not (BUILD / "build.ninja").exists() or not shutil.which("meson"), reason="no build folder, or no meson")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    to = tmp_path_factory.mktemp("install")
    # All is built already, but for pages that no test needs.
    subprocess.run(["ninja", "-C", str(BUILD)], check=True, capture_output=True)
    command = ["meson", "install", "-C", str(BUILD), "--no-rebuild", "--destdir", str(to)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"DESTDIR": ""})
    return next(to.rglob("bin/weir")).parents[1]


def test_the_program_pages_and_completions(installed):
    assert os.access(installed / "bin/weir", os.X_OK)
    pages = {p.name for p in (installed / "share/man").rglob("*.[15]")}
    assert {"weir.1", "weir-collect.1", "weir-query.1", "weir.conf.5"} <= pages
    assert (installed / "share/bash-completion/completions/weir.bash").exists()
    assert (installed / "share/zsh/site-functions/_weir").exists()
    assert (installed / "share/fish/vendor_completions.d/weir.fish").exists()


def test_the_service_runs_what_is_installed(installed):
    assert (installed / "lib/systemd/system/weir-probe.service").exists()
    unit = (installed / "lib/systemd/system/weir-collect.service").read_text()
    start = re.search(r"^ExecStart=(\S+) collect --config /etc/weir/weir.conf ", unit, re.M)
    assert str(installed).endswith(start.group(1).removesuffix("/bin/weir"))
    assert start.group(1).endswith("/bin/weir") and start.group(1).startswith("/usr")
    assert (installed / "lib/sysusers.d/weir.conf").read_text().splitlines()[-1].startswith("u weir - ")


def test_the_page_of_the_configuration_has_every_command(installed):
    page = (installed / "share/man/man5/weir.conf.5").read_text()
    table = (ROOT / "docs/configuration.md").read_text().split("## Commands\n")[1].split("\n## ")[0]
    commands = re.findall(r"^\| `([a-z-]+) ?", table, re.M)
    assert len(commands) > 15
    for command in commands:
        assert "\\fB" + command.replace("-", "\\-") in page
    if shutil.which("groff"):
        groff = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True)
        assert groff.returncode == 0 and groff.stderr == ""
