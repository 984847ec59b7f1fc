"""Misspelt words of every command: each gets the word that was meant, whatever options a command has."""

import argparse
from importlib import import_module

import pytest

import overseg
from overseg.cli.commands import COMMANDS
from overseg.cli.main import main
from overseg.errors import SettingsError


def parsers_of(command):
    """The parsers of a command and of its parts, each with the words that lead there."""
    parts = argparse.ArgumentParser().add_subparsers()
    import_module(f"overseg.cli.{command.module}").add_parser(parts)
    found = [([command.name], parts.choices[command.name])]
    for words, parser in found:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [([*words, name], part) for name, part in action.choices.items()]
    return found


def misspelt(word):
    """The word with two letters exchanged, near its end."""
    return word[:-3] + word[-2] + word[-3] + word[-1] if word[-2] != word[-3] else word[:-2] + word[-1] + word[-2]


def misspellings(parser):
    """Wrong words for a parser, each with the hint asked for."""
    for action in parser._actions:
        names = [name for name in action.option_strings if name.startswith("--")]
        yield from (
            ([misspelt(name)], f": did you mean {name if len(name) > 7 else ''}") for name in names if len(name) > 4
        )
        for choice in (str(one) for one in action.choices or ()):
            if len(choice) > 3 and misspelt(choice) not in action.choices:
                yield [*names[:1], misspelt(choice)], ": did you mean "


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_misspelt_word_gets_a_suggestion(command, capsys):
    for words, parser in parsers_of(command):
        for wrong, hint in misspellings(parser):
            assert main([*words, *wrong]) == 2
            line = capsys.readouterr().err
            assert hint in line, f"{[*words, *wrong]}: {line}"
            assert line.count("\n") == 1


@pytest.mark.parametrize("wrong", [{"preset": "fsat"}, {"generator": "hierachy"}])
def test_python_gives_suggestions_too(wrong, images, folder):
    with pytest.raises(SettingsError, match="did you mean (fast|hierarchy)"):
        overseg.run(images, "out.zarr", **wrong)
