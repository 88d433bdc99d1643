"""The command itself: help, errors in one line, exit statuses."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

import capture
from capture.contracts.info import CommandInfo
from capture.errors import ConfigError
from capture.host import Host, get_host, use_host

VERBS = [
    "demo",
    "run",
    "ls",
    "show",
    "tail",
    "verify",
    "parity",
    "check-replay",
    "sweep",
    "patterns",
    "analyze",
    "report",
    "diff",
    "lookahead",
    "warmup",
    "reindex",
    "export",
    "gc",
    "stats",
    "lifecycle",
    "deliver",
    "plugins",
]


def test_the_help_names_every_verb(call):
    result = call("--help")
    assert result.exit_code == 0
    assert [verb for verb in VERBS if f"\n  {verb} " not in result.stdout] == []


def test_the_help_says_what_the_exit_statuses_are(call):
    assert "130  interrupted" in call("--help").stdout


def test_without_a_verb_the_help_is_shown(call):
    result = call()
    assert result.exit_code == 0
    assert result.stdout == call("--help").stdout


def test_help_imports_no_verb_and_nothing_heavy():
    script = (
        "import sys\n"
        "from capture.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        f"verbs = ['capture.commands.' + verb.replace('-', '_') for verb in {VERBS}]\n"
        "heavy = ['rich', 'pandas', 'pyarrow', 'numpy', 'msgpack', *verbs]\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_ends_with_its_exit_status(call, verb):
    result = call(verb, "--help")
    assert result.exit_code == 0
    assert "Exit status: 0 well" in " ".join(result.stdout.split())


def test_the_version_is_told(call):
    assert call("--version").stdout == f"capture {capture.__version__}\n"


def test_a_misspelt_verb_is_refused_with_the_one_that_was_meant(call):
    result = call("exprot")
    assert result.exit_code == 2
    assert result.stdout == ""
    expected = 'capture: there is no verb "exprot". Did you mean "export"? see `capture --help`\n'
    assert result.stderr == expected


def test_a_verb_unlike_any_is_refused_with_those_there_are(call):
    result = call("zzz")
    assert result.exit_code == 2
    assert "There are: demo, run, ls" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_option_is_told_in_one_line(call):
    result = call("ls", "--jsn")
    assert result.exit_code == 2
    assert result.stderr.startswith("capture: No such option")
    assert "--json" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_store_one_line_says_what_to_do(call, tmp_path):
    result = call("ls", "--store", tmp_path / "nothing")
    assert result.exit_code == 2
    assert "does not exist; record into it first" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_run_that_is_not_there_is_a_negative_answer(call, store):
    result = call("show", "nope")
    assert result.exit_code == 1
    assert "there is no run 'nope'" in result.stderr


@pytest.mark.parametrize("words", [["--debug", "show", "nope"], ["show", "nope", "--debug"]])
def test_debug_shows_the_traceback_as_well(call, store, words):
    result = call(*words)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "\ncapture: " in result.stderr


def test_every_verb_has_debug_whoever_offers_it(call):
    listed = call("--help").stdout.partition("Verbs:")[2].partition("Exit status")[0]
    verbs = [
        [line.split()[0]]
        for line in listed.splitlines()
        if line.startswith("  ") and line[2:3].strip()
    ]
    assert ["metrics"] in verbs and ["show"] in verbs
    verbs += [["lifecycle", "list"], ["lifecycle", "archive"]]
    assert [words for words in verbs if "--debug" not in call(*words, "--help").stdout] == []


def test_without_debug_there_is_no_traceback(call, store):
    assert "Traceback" not in call("show", "nope").stderr


def test_as_a_module_it_is_the_same(shell, call):
    done = shell("--help")
    assert done.returncode == 0
    assert done.stdout == call("--help").stdout


def test_the_store_is_that_of_the_environment(call, store, run_id):
    assert run_id in call("ls").stdout


def test_an_empty_environment_variable_stands_for_the_default(call, store, monkeypatch, run_id):
    monkeypatch.setenv("CAPTURE_STORE", "")
    assert run_id in call("ls").stdout


def _host_with(command: click.Command, name: str) -> Host:
    class Plugin:
        @capture.hookimpl
        def register_commands(self):
            yield CommandInfo(name, load=lambda: command, summary="From elsewhere.")

    host = Host()
    host.register(Plugin(), "elsewhere")
    return host


def test_a_verb_of_a_plugin_is_listed_and_runs(call):
    @click.command("greet")
    def greet() -> None:
        click.echo("hello")

    with use_host(_host_with(greet, "greet")):
        assert "  greet From elsewhere." in re.sub(r"(?<=\S) +", " ", call("--help").stdout)
        assert call("greet").stdout == "hello\n"


def test_a_verb_that_fails_unexpectedly_is_told_in_one_line_as_a_defect(call):
    @click.command("fail")
    def fail() -> None:
        raise RuntimeError("one\ntwo\x1b[31m")

    with use_host(_host_with(fail, "fail")):
        result = call("fail")
    assert result.exit_code == 2
    assert result.stderr.startswith("capture: unexpected RuntimeError: one two\\x1b[31m; this is a")
    assert result.stderr.count("\n") == 1


def test_an_error_of_ours_keeps_its_words(call):
    @click.command("fail")
    def fail() -> None:
        raise ConfigError("speed", 11, "choose 10 or less")

    with use_host(_host_with(fail, "fail")):
        result = call("fail")
    assert (result.exit_code, result.stderr) == (
        2,
        "capture: speed=11 cannot be used: choose 10 or less\n",
    )


def test_the_commands_are_a_plugin_like_any_other():
    reports = {report.name: report for report in get_host().reports()}
    assert reports["commands"].state == "loaded"
    assert [f"command {verb}" for verb in VERBS] == list(reports["commands"].offers)


@pytest.mark.parametrize("words", [["tail", "--json"], ["ls"], ["ls", "--help"], ["--help"]])
def test_a_closed_pipe_is_silent_and_has_the_status_of_the_signal(store, words):
    process = subprocess.Popen(
        [sys.executable, "-m", "capture", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()  # before the first line can be written
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert errors == ""


def test_the_whole_output_is_gone_before_the_process_ends(shell, store):
    assert shell("ls").stdout.count("\n") == 2


def test_interruption_has_the_status_that_shells_give_it(call):
    @click.command("wait")
    def wait() -> None:
        raise KeyboardInterrupt

    with use_host(_host_with(wait, "wait")):
        result = call("wait")
    assert result.exit_code == 130
    assert result.stderr.strip() == ""
