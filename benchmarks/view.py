"""Measures the page of `overseg view` in Chromium, on a large store that is made for it.

    python benchmarks/view.py [--frames 5000] [--masks 300] [--tracks 10000] [--steps 5000] [--hostile 10000]
                              [--keep FOLDER]

The store has 1080p frames with `masks` masks each, and `tracks` tracks. Prints, in milliseconds unless it says
otherwise: the time from the command to the first picture; the time to find and outline the masks under the pointer; the
time to show another frame; the time of a merge of two tracks with up to 1,000 masks each, until the page shows it; the
time of a frame of a scrolling timeline; the time from a click to SAM's mask, once the frame is encoded; and the memory
of the server, and of the page's process with its heap in it, over `steps` frames. Times end when the pixels of the
canvas are computed. Then it sends `hostile` requests with wrong paths, numbers, bodies, origins, sizes and bytes, and
checks that none fails or changes a file.
Needs the packages of the extra `test`, and Chromium.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

import overseg
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.imported import Imported, imported_masks
from overseg.interchange.importing import write_store
from overseg.interchange.target import Target

sys.path.pop(0)  # this folder, where `view` is this file
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from view.hostile import KINDS
from view.test_view_server import ask_a_store

SIZE = (1080, 1920)
N_SHAPES = 1200
PERIOD = 200  # frames after which the video repeats
DRAWN = "const drawn = () => picture.canvas.getContext('2d').getImageData(0, 0, 1, 1);"  # waits for the pixels


def shapes(rng: np.random.Generator) -> Rles:
    """Ellipses of all sizes, half of them small."""
    rles: list[bytes] = []
    for _ in range(N_SHAPES):
        mask = np.zeros(SIZE, np.uint8)
        radius = int(10 * 40 ** rng.random())
        axes = (max(4, int(radius * rng.uniform(0.6, 1.6))), radius)
        centre = (int(rng.integers(SIZE[1])), int(rng.integers(SIZE[0])))
        cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), 0, 360, 1, -1)
        rles += Rles.from_masks(mask.view(bool)[None]).counts
    return Rles(SIZE, tuple(rles))


def write_video(path: Path, n_frames: int, rng: np.random.Generator) -> None:
    """A picture that moves slowly, and is where it was after 200 frames: their packets are written again and again."""
    texture = cv2.resize(
        rng.integers(0, 255, (60, 110, 3), dtype=np.uint8), (2200, 1200), interpolation=cv2.INTER_CUBIC
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = *SIZE, "yuv420p", 12
        packets: list[av.Packet] = []
        for frame in range(min(n_frames, PERIOD)):
            x, y = frame, frame % (PERIOD // 2)
            rgb = np.ascontiguousarray(texture[y : y + SIZE[0], x : x + SIZE[1]])
            packets += stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24"))
        packets += stream.encode()
        for frame in range(n_frames):
            known = packets[frame % PERIOD]
            packet = av.Packet(bytes(known))
            packet.stream, packet.time_base, packet.is_keyframe = stream, known.time_base, known.is_keyframe
            packet.pts = packet.dts = frame * (known.duration or 1)
            packet.duration = known.duration or 1
            container.mux(packet)


def make_store(folder: Path, args: argparse.Namespace) -> Path:
    """Tracks that begin one after another; two of them have up to 1,000 masks."""
    rng, path, video = np.random.default_rng(0), folder / "large.zarr", folder / "large.mp4"
    known, length = shapes(rng), args.masks * args.frames // args.tracks
    write_video(video, args.frames, rng)
    shape = rng.integers(N_SHAPES, size=args.tracks)
    first = np.arange(args.tracks) * args.frames // args.tracks
    last = first + length - 1
    last[:2] = min(args.frames, 1000) - 1

    def frames() -> Iterator[TrackMasks]:
        for frame in range(args.frames):
            tracks = np.flatnonzero((first <= frame) & (frame <= last))
            yield imported_masks(known.take(shape[tracks]), tracks)

    write_store(Imported(SIZE, args.frames, frames(), fps=25.0), video, path, settings={}, target=Target.of(video))
    return path


def first_picture(store: Path, browser) -> tuple[subprocess.Popen, object, float]:
    """The server, the page, and the seconds from the command to the first picture."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "overseg", "view", str(store), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(600_000)
    page.goto(server.stdout.readline().strip())
    page.wait_for_selector("html[data-picture]")
    seconds = time.perf_counter() - began
    page.wait_for_selector("html[data-ready]")
    return server, page, seconds


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if "VmRSS" in line) / 1024


def page_mb(browser) -> float:
    """Resident memory of the processes that show pages."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(memory_mb(one["id"]) for one in found if one["type"] == "renderer")


def pointer_times(page) -> list[float]:
    """Milliseconds to find the masks under the pointer and to draw the frame with the outline, at 200 places."""
    return page.evaluate(
        """() => {
        const { picture, state } = window.overseg, took = [];
        DRAWN
        for (let n = 0; n < 200; n++) {
            picture.pointer = [(n * 97) % state.facts.width, (n * 61) % state.facts.height];
            const began = performance.now();
            picture.find();
            picture.paint();
            drawn();
            took.push(performance.now() - began);
        }
        return took;
    }""".replace("DRAWN", DRAWN)
    )


def frame_times(page, n: int, apart: int) -> list[float]:
    """Milliseconds until another frame is shown; frames far apart are not fetched ahead."""
    return page.evaluate(
        """async ([n, apart]) => {
        const { picture, state } = window.overseg, took = [];
        DRAWN
        for (let at = 0; at < n; at++) {
            const frame = (state.frame + apart) % state.facts.frames, began = performance.now();
            document.getElementById("frame").value = frame;
            document.getElementById("frame").dispatchEvent(new Event("change"));
            while (picture.shown.frame !== frame) await new Promise((done) => setTimeout(done, 1));
            drawn();
            took.push(performance.now() - began);
            await new Promise((done) => setTimeout(done, 30));
        }
        return took;
    }""".replace("DRAWN", DRAWN),
        [n, apart],
    )


def click_times(page) -> list[float]:
    """Milliseconds from a click to SAM's mask, on a frame that is encoded."""
    return page.evaluate(
        """async () => {
        const { tool, state } = window.overseg, took = [];
        tool.begin(-1, "click");
        while (!(await fetch("api/prepare", { method: "POST", body: JSON.stringify({ frame: state.frame }) })).ok);
        for (let n = 0; n < 20; n++) {
            const x = 200 + 70 * n, y = 300 + 20 * n;
            state.tool.clicks = [];
            tool.down([x, y], { button: 0 });
            tool.up([x, y]);
            const before = tool.nAnswers ?? 0;
            while ((tool.nAnswers ?? 0) === before) await new Promise((done) => setTimeout(done, 1));
            took.push(tool.answeredIn);
        }
        tool.cancel();
        return took;
    }"""
    )


def merge_times(page, *, is_selected: bool) -> tuple[list[float], list[float]]:
    """Milliseconds of a merge of tracks 0 and 1, until the picture shows it, and until the list does.

    They are selected as a person does it, or merged without a pause before it.
    """
    return page.evaluate(
        """async (isSelected) => {
        const { actions, list } = window.overseg, took = [[], []];
        for (let n = 0; n < 5; n++) {
            if (isSelected) {
                list.pick(0, {});
                list.pick(1, { ctrlKey: true });
                await new Promise((done) => setTimeout(done, 200));
            }
            await actions.edit({ do: "merge", tracks: [0, 1] });
            took[0].push(actions.editedIn);
            took[1].push(actions.followedIn);
            await actions.edit({ do: "undo" });
            await new Promise((done) => setTimeout(done, 500));
        }
        return took;
    }""",
        is_selected,
    )


def scroll_times(page) -> list[float]:
    """Milliseconds to paint the timeline at 200 places of the list."""
    return page.evaluate("""() => {
        const { timeline } = window.overseg, took = [];
        for (let n = 0; n < 200; n++) {
            timeline.scroll = n * 800;
            timeline.keepInside();
            timeline.paint();
            took.push(timeline.took);
        }
        return took;
    }""")


def show(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    at = min(len(ordered) - 1, int(0.95 * len(ordered)))
    print(
        f"{name:<44}median {ordered[len(ordered) // 2]:7.1f}   95 % {ordered[at]:7.1f}   most {ordered[-1]:7.1f}",
        flush=True,
    )


def measure_page(store: Path, args: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--enable-precise-memory-info"]
        )
        server, page, seconds = first_picture(store, browser)
        try:
            print(f"first picture after the command: {seconds:.2f} s", flush=True)
            show("the masks under the pointer", pointer_times(page))
            show("another frame, far away", frame_times(page, 20, 37))
            show("the next frame", frame_times(page, 30, 1))
            show("painting the timeline", scroll_times(page))
            for name, is_selected in (("merge of two tracks", True), ("the same without a pause", False)):
                shown, listed = merge_times(page, is_selected=is_selected)
                show(name, shown)
                show("    until the list shows it, too", listed)
            show("SAM's mask of a click", click_times(page))
            heap = "performance.memory.usedJSHeapSize / 2 ** 20"
            for at in range(5):
                print(f"memory after {at * args.steps // 4} frames: server {memory_mb(server.pid):.0f} MB, "
                      f"page {page_mb(browser):.0f} MB, its heap {page.evaluate(heap):.0f} MB", flush=True)  # fmt: skip
                if at < 4:
                    frame_times(page, args.steps // 4, 1)
        finally:
            server.kill()
            browser.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, value in (("frames", 5000), ("masks", 300), ("tracks", 10000), ("steps", 5000), ("hostile", 10000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--keep", type=Path, help="where the store is made, and kept")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        store = folder / "large.zarr"
        if not store.exists():
            store = make_store(folder, args)
        result = overseg.open(store)
        print(
            json.dumps({"frames": len(result), "masks": int(result.frames.n_masks.sum()), "tracks": len(result.tracks)})
        )
        measure_page(store, args)
        if args.hostile:
            (store / "edits.jsonl").unlink(missing_ok=True)
            show_answers(ask_a_store(store, args.hostile, seed=7))


def show_answers(answers: Counter[tuple[str, str]]) -> None:
    """How hostile requests were answered, by their kind; none failed, and none changed anything."""
    for kind in KINDS:
        of_kind = {status: n for (one, status), n in sorted(answers.items()) if one == kind}
        print(f"{kind:<10}{sum(of_kind.values()):>6}   " + ", ".join(f"{status}: {n}" for status, n in of_kind.items()))


if __name__ == "__main__":
    main()
