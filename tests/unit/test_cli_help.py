"""Tests of the command line's help, on a terminal of 80 columns."""

from __future__ import annotations

import pytest
import typer.main
from typer.testing import CliRunner

from pullback_client.cli.main import app

COMMANDS = {
    "serve",
    "status",
    "backup",
    "restore",
    "check",
    "delete",
    "morph",
    "tune",
    "generators",
    "distances",
    "eigenbasis",
    "report",
    "invert",
    "directions",
    "traverse",
    "edit",
    "evolve",
    "export",
    "bridge",
    "certificates",
    "share",
    "demo",
    "studio",
}


def _help(command: str) -> str:
    """What `pullback COMMAND --help` prints on 80 columns."""
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80"})
    assert shown.exit_code == 0
    return shown.output


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_name_of_an_option_is_cut(command: str) -> None:
    words = _help(command).split()
    parameters = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    names = {name for each in parameters for name in (*each.opts, *each.secondary_opts) if name.startswith("--")}
    assert names - set(words) == set()


def test_these_are_all_commands_that_do_something_themselves() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    # A group that lists what there is where no command of it is named.
    listing = {"generators"}
    assert {name for name, each in commands.items() if not hasattr(each, "commands")} == COMMANDS - listing


@pytest.mark.parametrize("command", ["add", "check"])
def test_no_name_of_an_option_is_cut_in_the_group_of_generators(command: str) -> None:
    group = typer.main.get_command(app).commands["generators"]  # type: ignore[attr-defined]
    shown = CliRunner().invoke(app, ["generators", command, "--help"], env={"COLUMNS": "80"}).output
    names = {name for each in group.commands[command].params for name in each.opts if name.startswith("--")}
    assert names - set(shown.split()) == set()


def test_the_defaults_of_weights_are_whole() -> None:
    shown = " ".join(_help("invert").replace("│", " ").split())
    assert "distance=1, l1=0, l2=3, prior=0.0005" in shown


def test_options_of_an_optimizer_stand_under_its_name() -> None:
    shown = _help("evolve")
    hessian, sphere, genetic = (
        shown.index(f"─ {each} ─") for each in ("Switches of hessian_cma", "Of sphere_cma", "Of genetic")
    )
    assert hessian < shown.index("--negative-weights") < sphere
    assert sphere < shown.index("--first-angle") < genetic < shown.index("--mutation-rate")
