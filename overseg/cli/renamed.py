"""Options that had another name before. The old names work for one version more, and print the new ones."""

import sys
from collections.abc import Sequence

from overseg.data.setting import current_names, option
from overseg.data.settings import Settings

_FILTERS = {"--level": "--sam-output", "--min-area": "--min-mean-area"}
_RENAMED = {
    "run": {
        f"--{no}{option(old)[2:]}": f"--{no}{option(new)[2:]}"
        for old, new in current_names(Settings).items()
        for no in ("", "no-")
    },
    "track": {"--prompt-frame": "--frame"},
    "autotrack": {"--min-area": "--min-mask-region-area"},
    "segment": {"--points": "--point", "--boxes": "--box"},
    "render": _FILTERS,
    "export": _FILTERS,
}


def with_current_options(words: Sequence[str]) -> list[str]:
    """The words of a command line with the current names of options; each old name prints a line."""
    if not words:
        return []
    command, *others = words
    return [command, *(_current(word, command) for word in others)]


def _current(word: str, command: str) -> str:
    name, equals, value = word.partition("=")
    new = _RENAMED.get(command, {}).get(name)
    if new is None:
        return word
    print(f"overseg: {name} is called {new} now", file=sys.stderr)
    return new + equals + value
