"""docs/from-nfdump.md: every line of its tables is what weir nfdump does, and has an answer."""

import json
import re
import shlex

import pytest

from conftest import ROOT

TEXT = (ROOT / "docs" / "from-nfdump.md").read_text()
FIXTURES = ROOT / "tests" / "fixtures"


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE).group(1)


def rows(title, heading):
    """Cells of the rows of a section's table that begins with that heading, without backquotes."""
    table = section(title).split(heading + "\n")[1].split("\n\n")[0]
    for line in table.splitlines()[1:]:
        yield [cell.strip().strip("`") for cell in line.split("|")[1:-1]]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    import subprocess

    from conftest import WEIR

    folder = tmp_path_factory.mktemp("fromnfdump") / "store"
    for pcap in sorted(FIXTURES.glob("*.pcap")):
        subprocess.run([WEIR, "import", "--store", folder, pcap], check=True, capture_output=True)
    return folder


def explained(run, *args):
    return [shlex.split(line) for line in run("nfdump", "--explain-command", *args).stdout.splitlines()]


FLAGS = list(rows("Flags", "| nfdump | weir query |"))


@pytest.mark.parametrize("theirs,ours", FLAGS, ids=[row[0] for row in FLAGS])
def test_flags_become_what_the_table_says(run, store, theirs, ours):
    flags, want = shlex.split(theirs), shlex.split(ours)
    where = [] if "--store" in want else ["--store", "var"]
    assert explained(run, *flags) == [["weir", "query", *where, *want]]
    if "--store" not in want:
        shown = [timeless(run(*command, *rest).stdout) for command, rest in ((("nfdump", "-r", store), flags), (("query", "--store", store), want))]
        if "--top" in want or "--columns" in want:
            assert shown[0] == shown[1] or "-c" in flags  # which are found first may differ
        assert len(shown[0]) == len(shown[1])


def timeless(text):
    """Lines without how long it took."""
    return [re.sub(r'"seconds":.*| in [\d.]+ s \(.*', "", line) for line in text.splitlines()]


@pytest.mark.parametrize("flags", [row[0] for row in rows("Flags", "| nfdump | instead |")])
def test_what_has_no_counterpart_is_refused_with_advice(run, flags):
    """The flags of a cell, each with a value where it wants one; -Z is nfdump's alone."""
    for part in re.split(r"`, `", flags):
        part = part if part.startswith("-") else f"{flags.split()[0]} {part}"
        words = part.split()
        if words == ["-Z"]:
            continue
        value = [] if len(words) > 1 or words[0] in ("-g", "-X") else ["1"]
        wrong = run("nfdump", *words, *value, status=2).stderr
        assert wrong.startswith(f"weir nfdump: {words[0]}") and len(wrong.splitlines()[0]) >= 40


NAMES = [row for row in rows("Names", "| `-s` | `-A` | `%tag` | field |")]


def test_names_stand_for_the_fields_of_the_table(run):
    fields = {json.loads(line)["name"] for line in run("fields", "--format", "json").stdout.splitlines()}
    for stat, key, tag, field in NAMES:
        assert field in fields
        if stat:
            assert explained(run, "-s", stat)[0][4:6] == ["--by", field]
        if key:
            assert explained(run, "-A", key)[0][4:6] == ["--by", field]
        if tag:
            assert explained(run, "-o", f"fmt:{tag}")[0][4:] == ["--columns", field]


FILTERS = list(rows("Filters", "| nfdump | weir query |"))


@pytest.mark.parametrize("theirs,ours", FILTERS, ids=[row[0] for row in FILTERS])
def test_filters_select_the_same(run, store, theirs, ours):
    def selected(*command):
        return json.loads(run(*command).stdout)["summary"]["records"]

    assert selected("nfdump", "-r", store, "-s", "proto", "-o", "json", theirs) == selected("query", "--store", store, "--by", "proto", "--format", "json", ours)


def test_the_example_is_true(run):
    command, line = re.search(r"\$ (weir nfdump .*)\n +(weir query .*)\n", TEXT).groups()
    assert run(*shlex.split(command)[1:]).stdout == line + "\n"


def test_several_statistics_are_several_questions(run, store):
    shown = run("nfdump", "-r", store, "-s", "srcip/flows/bytes", "-s", "proto", "-q").stdout
    alone = [run("nfdump", "-r", store, "-s", stat, "-q").stdout for stat in ("srcip/flows", "srcip/bytes", "proto")]
    assert shown == "".join(alone) and all(alone)


def test_the_filter_comes_from_a_file(run, store, tmp_path):
    (tmp_path / "filter").write_text("proto tcp # only\nand duration > 5000\n")
    from_file = run("nfdump", "-r", store, "-f", tmp_path / "filter", "-q").stdout
    assert from_file == run("query", "--store", store, "--quiet", "proto tcp and duration > 5s").stdout
    assert "none" in run("nfdump", "-f", tmp_path / "none", status=2).stderr
