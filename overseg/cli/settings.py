"""Settings as options of the command line, as their fields declare them."""

import argparse
from collections.abc import Callable, Container
from typing import Any

from overseg.data.setting import Setting, settings_of
from overseg.data.settings import SharedSettings


def add_settings(parser: argparse.ArgumentParser, cls: type[SharedSettings], **known: Any) -> None:
    """Add an option for each setting of a class, under the headings that they declare.

    Args:
        parser: of the command.
        cls: `Settings` or `TrackSettings`.
        known: headings that the parser has already, by their words with underscores.
    """
    groups = {heading.replace("_", " "): group for heading, group in known.items()}
    for one in settings_of(cls).values():
        if one.group not in groups:
            groups[one.group] = parser.add_argument_group(one.group)
        add_setting(groups[one.group], one)


def add_setting(group: Any, one: Setting) -> None:
    """Add the option of one setting to a parser or to a group of one."""
    how: dict[str, Any] = {"dest": one.name, "help": f"{one.help} ({_default(one)})", "default": None}
    if one.kind is bool:
        how["action"] = argparse.BooleanOptionalAction
    elif one.choices is not None:
        how["choices"] = tuple(one.choices())
    else:
        how |= {"type": one.kind if one.word is None else _number_or_word(one), "metavar": one.metavar}
    group.add_argument(one.option, **how)


def given(args: argparse.Namespace, names: Container[str]) -> dict[str, Any]:
    """The options of these names that the user gave, by name."""
    return {name: value for name, value in vars(args).items() if name in names and value is not None}


def _number_or_word(one: Setting) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        return text if text == one.word else one.kind(text)

    read.__name__ = f"{one.kind.__name__} or {one.word}"  # argparse shows it
    return read


def _default(one: Setting) -> str:
    if one.shown_default is not None:
        return one.shown_default
    if isinstance(one.default, bool):
        return "on" if one.default else "off"
    return "none" if one.default is None else str(one.default)
