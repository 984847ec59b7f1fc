"""`overseg weights`: which checkpoints there are, and bringing them here."""

import argparse
import sys
from typing import Any

from tqdm import tqdm

from overseg.errors import SettingsError
from overseg.weights import (
    cached_path,
    catalogue,
    default_cache_dir,
    fetch,
    fetch_from_hub,
    hub_catalogue,
    hub_folder,
    missing_files,
    weights_path,
)
from overseg.weights.catalogue import Checkpoint
from overseg.weights.hub import HubCheckpoint, hub_cache


def add_parser(commands: Any) -> None:
    """Describe the command and its three parts to argparse."""
    parser = commands.add_parser(
        "weights",
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="list|fetch|path")
    parts.add_parser("list", help="every checkpoint: size, licence, whether it is here, where it comes from")
    fetching = parts.add_parser(
        "fetch", help="download a checkpoint into the cache and verify it; continues an interrupted download"
    )
    fetching.add_argument("name", metavar="NAME")
    fetching.add_argument("--from", dest="base_url", metavar="URL", help="a mirror in place of the official source")
    finding = parts.add_parser("path", help="where a checkpoint lies")
    finding.add_argument("name", metavar="NAME")
    parser.set_defaults(call=call, if_interrupted="what was downloaded is kept: the same command continues from there")


def call(args: argparse.Namespace) -> int:
    """Do what the part of the command says."""
    match args.part:
        case "list":
            print("\n".join(_table()))
        case "fetch":
            print(_fetch(args.name, base_url=args.base_url))
        case "path":
            print(weights_path(args.name))
    return 0


def _table() -> list[str]:
    heads = ("NAME", "FOR", "SIZE", "LICENCE", "HERE", "SOURCE")
    rows = [heads, *map(_row, catalogue().values()), *map(_hub_row, hub_catalogue().values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, f"cache: {default_cache_dir() / 'weights'}; of weights on the hub: {hub_cache()}"]


def _row(checkpoint: Checkpoint) -> tuple[str, ...]:
    is_partial = any(cached_path(checkpoint).parent.glob(f"{checkpoint.files[0].name}.part"))
    here = "yes" if not missing_files(checkpoint) else "in part" if is_partial else "no"
    size = f"{checkpoint.size_bytes / 1e6:.0f} MB"
    return checkpoint.name, checkpoint.family, size, checkpoint.licence, here, checkpoint.source


def _hub_row(checkpoint: HubCheckpoint) -> tuple[str, ...]:
    here = "no" if hub_folder(checkpoint) is None else "yes"
    asks = ", asks for an agreement" if checkpoint.is_gated else ""
    source = f"{checkpoint.source} ({checkpoint.revision}{asks})"
    return checkpoint.name, checkpoint.family, f"{checkpoint.size_bytes / 1e6:.0f} MB", checkpoint.licence, here, source


def _fetch(name: str, *, base_url: str | None) -> str:
    if name in hub_catalogue():
        if base_url is not None:
            raise SettingsError(f"--from is not for {name}, which comes from the hub: set HF_ENDPOINT to a mirror")
        return str(fetch_from_hub(hub_catalogue()[name]))
    with tqdm(desc=name, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), leave=False) as bar:

        def report(here_bytes: int, total_bytes: int) -> None:
            bar.total = total_bytes
            bar.update(here_bytes - bar.n)

        return str(fetch(name, base_url=base_url, report=report))
