"""What every command has: help, a manual page, completion; how the program answers mistakes."""

import json
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, WEIR


def command_names():
    """From the program, so that a new command is tested without being named here."""
    if not pathlib.Path(WEIR).exists():
        return []
    out = subprocess.run([WEIR, "--help"], capture_output=True, text=True, check=True).stdout
    listed = out.split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


each_command = pytest.mark.parametrize("command", command_names())


def need(tool):
    if not shutil.which(tool):
        pytest.skip(f"no {tool} here")
    return tool


@each_command
def test_help_has_usage_options_and_an_example(run, command):
    out = run(command, "--help").stdout
    assert out.startswith(f"weir {command}: ")
    assert f"\nusage: weir {command} " in out
    assert "\noptions:\n" in out and "--help" in out
    assert f"\nexamples:\n  weir {command}" in out
    assert max(map(len, out.splitlines())) <= 100
    assert run(command, "-h").stdout == out == run("help", command).stdout


@each_command
def test_an_unknown_option_is_wrong_usage_and_says_where_help_is(run, command):
    done = run(command, "--no-such-thing", status=2)
    assert "unknown option --no-such-thing" in done.stderr
    assert f"weir {command} --help" in done.stderr
    assert done.stdout == ""


@each_command
def test_the_manual_page_is_well_formed(run, command):
    page = run("help", "--man", command).stdout
    assert page.startswith(f'.TH "WEIR\\-{command.upper()}" 1') or page.startswith(f'.TH "WEIR-{command.upper()}" 1')
    groff = subprocess.run([need("groff"), "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True)
    assert groff.returncode == 0 and groff.stderr == ""


def test_the_manual_page_of_the_program_lists_all_commands(run):
    page = run("help", "--man").stdout
    assert all(f"weir\\-{c} (1)" in page for c in command_names())
    groff = subprocess.run([need("groff"), "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True)
    assert groff.returncode == 0 and groff.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_that_shell(run, shell, tmp_path):
    script = run("completion", shell).stdout
    assert all(c in script for c in command_names())
    path = tmp_path / "weir"
    path.write_text(script)
    subprocess.run([need(shell), "-n", path], check=True)


def complete(run, tmp_path, *words):
    """What bash offers for the last of these words."""
    script = tmp_path / "weir.bash"
    script.write_text(run("completion", "bash").stdout)
    ask = 'compopt() { :; }; source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; printf "%s\\n" "${COMPREPLY[@]}"'
    out = subprocess.run([need("bash"), "--norc", "-c", ask, script, *words], capture_output=True, text=True, check=True)
    assert out.stderr == ""
    return out.stdout.split()


def test_bash_completes_commands_options_choices_and_fields(run, tmp_path):
    assert complete(run, tmp_path, "weir", "fie") == ["fields"]
    assert complete(run, tmp_path, "weir", "filter", "ex") == ["explain"]
    assert complete(run, tmp_path, "weir", "fields", "--for") == ["--format"]
    assert complete(run, tmp_path, "weir", "fields", "--format", "m") == ["markdown"]
    assert complete(run, tmp_path, "weir", "fields", "--format", "=", "s") == ["sql"]
    assert complete(run, tmp_path, "weir", "completion", "z") == ["zsh"]
    assert complete(run, tmp_path, "weir", "help", "que") == ["query"]
    assert complete(run, tmp_path, "weir", "query", "--by", "bytes,src_por") == ["bytes,src_port"]


def test_without_a_command_it_lists_them_and_fails(run):
    assert run(status=2).stdout == run("--help").stdout == run("help").stdout


def test_version_says_what_is_built_in(run):
    version, built = run("--version").stdout.splitlines()
    assert version.startswith("weir ")
    assert all(part in built for part in ("zstd", "lz4", "xxhash", "libpcap"))


def test_an_unknown_command_suggests_the_nearest(run):
    assert 'did you mean "weir query"?' in run("qeury", status=2).stderr
    assert "weir --help" in run("banana", status=2).stderr
    assert 'did you mean "weir query"?' in run("help", "qury", status=2).stderr


def test_an_unknown_option_suggests_the_nearest(run):
    assert "did you mean --format?" in run("fields", "--fromat", "json", status=2).stderr


def test_the_value_of_an_option_is_not_taken_for_help(run):
    assert "--format is one of" in run("fields", "--format", "-h", status=2).stderr
    assert "expected one shell" in run("completion", "--", "--help", status=2).stderr


def test_a_full_disk_is_an_error(weir):
    with open("/dev/full", "w") as full:
        done = subprocess.run([weir, "fields"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_docs_fields_is_what_weir_fields_prints(run):
    assert (ROOT / "docs/fields.md").read_text() == run("fields", "--format", "markdown").stdout, "run 'make docs'"


def test_fields_in_every_format_lists_the_same(run):
    objects = [json.loads(line) for line in run("fields", "--format", "json").stdout.splitlines()]
    names = [o["name"] for o in objects]
    assert len(set(names)) == len(names) > 100
    assert all(o["doc"] and o["kind"] and o["parquet"] and o["sql"] for o in objects)
    assert [line.split()[0] for line in run("fields").stdout.splitlines()] == names
    sql = run("fields", "--format", "sql").stdout
    assert [line.split("`")[1] for line in sql.splitlines()[1:-1]] == names
    rows = [line for line in run("fields", "--format", "markdown").stdout.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == names
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)
