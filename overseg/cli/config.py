"""Options out of a YAML file."""

import argparse
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from overseg.data.setting import current_names
from overseg.data.settings import SharedSettings
from overseg.errors import SettingsError, did_you_mean

NO_OLD_NAMES: Mapping[str, str] = MappingProxyType({})


def options_of(args: argparse.Namespace, cls: type[SharedSettings], examples: Mapping[str, str]) -> dict[str, Any]:
    """The options in the file that `--config` names, by their current names; none without `--config`.

    Args:
        args: as read.
        cls: the settings that the command has.
        examples: its other options, with an example of the value of each.

    Raises:
        SettingsError: as `read_config`.
    """
    if not args.config:
        return {}
    allowed = (*cls.names(), *examples)
    return read_config(Path(args.config), allowed=allowed, words=examples, current_names=current_names(cls))


def read_config(
    path: Path, *, allowed: Collection[str], words: Mapping[str, str], current_names: Mapping[str, str] = NO_OLD_NAMES
) -> dict[str, Any]:
    """The options in a YAML mapping. Names may be written as on the command line, with dashes.

    Args:
        path: the file.
        allowed: the options that there are; their values are checked later, with the settings.
        words: those among them whose values are words, each with an example.
        current_names: those that had another name before, by that name, which prints the current one.

    Raises:
        SettingsError: the file is missing, is not such a mapping, names an option that there is not, or gives something
            else where words are due.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise SettingsError(f"--config {path} refers to itself with *: aliases are not read, write the value")
        content = yaml.safe_load(text)
    except OSError as e:
        raise SettingsError(f"--config {path} cannot be read: {e.strerror}; check the path") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise SettingsError(
            f"--config {path} is not YAML: {' '.join(str(e).split())}; expected lines such as `step: 5`"
        ) from e
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"--config {path}: expected lines such as `step: 5`, got {type(content).__name__}")
    current = {_current(str(name), path, current_names): value for name, value in content.items()}
    options = {_known(name, path, allowed): value for name, value in current.items()}
    for name in words.keys() & options.keys():
        if not isinstance(options[name], str):
            raise SettingsError(
                f"--config {path}: expected {name} as in `{name}: {words[name]}`, got {options[name]!r}"
            )
    return options


def _current(name: str, path: Path, current_names: Mapping[str, str]) -> str:
    new = current_names.get(name.replace("-", "_"))
    if new is None:
        return name
    print(f"overseg: {path}: {name} is called {new} now", file=sys.stderr)
    return new


def _known(name: str, path: Path, allowed: Collection[str]) -> str:
    plain = name.replace("-", "_")
    spelled = plain if plain in allowed or f"{plain}_px" not in allowed else f"{plain}_px"
    if spelled not in allowed:
        hint = did_you_mean(spelled, allowed) or f": expected some of {', '.join(sorted(allowed))}"
        raise SettingsError(f"--config {path} has the unknown option {name!r}{hint}")
    return spelled
