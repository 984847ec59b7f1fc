"""Fills the command reference: mkdocs calls this for each page, and it asks the commands themselves."""

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from overseg.cli.commands import COMMANDS, Command

_MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the mark on a page by the reference of all commands."""
    return markdown.replace(_MARK, "\n".join(_reference())) if _MARK in markdown else markdown


def _reference() -> Iterator[str]:
    for group in dict.fromkeys(one.group for one in COMMANDS):
        yield f"\n## {group[0].upper()}{group[1:]}\n"
        for command in COMMANDS:
            if command.group == group:
                yield from _of_command(command)


def _of_command(command: Command) -> Iterator[str]:
    yield f"\n### overseg {command.name}\n"
    commands = argparse.ArgumentParser(prog="overseg").add_subparsers()
    import_module(f"overseg.cli.{command.module}").add_parser(commands)
    parser = commands.choices[command.name]
    yield f"{_text(parser.description or command.help)}\n"
    yield from ("```sh", *command.examples, "```\n")
    yield from _options(parser)
    for action in parser._actions:
        for name, part in action.choices.items() if isinstance(action, argparse._SubParsersAction) else ():
            yield f"\n`overseg {command.name} {name}`\n"
            yield from _options(part)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for group in parser._action_groups:
        rows = [action for action in group._group_actions if action.dest != "help"]
        rows = [action for action in rows if not isinstance(action, argparse._SubParsersAction)]
        if rows:
            yield f"\n| {group.title or ''} | |\n|---|---|"
            yield from (f"| `{_spelled(action)}` | {_text(action.help or '')} |" for action in rows)


def _spelled(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else action.metavar or action.dest.upper()
    if action.choices and not action.metavar:
        value = " or ".join(map(str, action.choices))
    names = ", ".join(action.option_strings)
    spelled = f"{names} {value}".strip() if names else str(value)
    return spelled.replace("|", "\\|")


def _text(text: str) -> str:
    """Help text in Markdown: percent signs as printed, options as code, no table cell ends early."""
    text = " ".join(text.replace("%%", "%").split()).replace("|", "\\|").replace("<", "&lt;")
    return re.sub(r"(?<![\w`])(--[a-z][a-z0-9-]*)", r"`\1`", text)
