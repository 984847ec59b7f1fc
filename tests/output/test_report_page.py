"""The commands that show a result to others: tracks, sheet, report."""

import csv
import io

import cv2
import pytest
from toy import ToyVideo, TruthGenerator
from toy_runs import run_toy

import overseg
from overseg.cli.main import main


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A result whose video is missing, with a name and a deleted track."""
    path = tmp_path_factory.mktemp("report") / "toy.zarr"
    run_toy(path, TruthGenerator(ToyVideo(6)))
    with overseg.open(path).edit() as edit:
        edit.name(0, "<b>cup</b>", category="dish")
        edit.drop(1)
    return str(path)


def test_the_list_of_tracks_has_a_row_for_each_that_exists(store, capsys):
    assert main(["tracks", store, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    tracks = overseg.open(store).tracks
    assert len(rows) == tracks.exists.sum() == len(tracks) - 1
    assert (rows[0]["name"], rows[0]["category"], rows[1]["track"]) == ("<b>cup</b>", "dish", "2")
    assert [int(row["n_frames"]) for row in rows] == tracks.n_frames[tracks.exists].tolist()
    assert main(["tracks", store, "--as-found"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(tracks) + 1


def test_a_sheet_is_a_picture_and_a_missing_video_is_said(store, tmp_path, capsys):
    assert main(["sheet", store, str(tmp_path / "sheet.png"), "--columns", "2"]) == 0
    assert "masks are shown on grey" in capsys.readouterr().err
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[1] > 300
    assert main(["sheet", store, str(tmp_path / "sheet.txt")]) == 2


def test_a_report_needs_no_other_file_and_shows_names_as_text(store, tmp_path):
    assert main(["report", store, str(tmp_path / "report.html"), "--quiet"]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;cup&lt;/b&gt;" in page and "<b>cup" not in page
    assert "<svg" in page and "data:image/jpeg" in page and "{{" not in page
    assert not any(word in page for word in ("http://", "https://", "<script", "url("))
    assert "The video is missing" in page
    assert main(["report", store, str(tmp_path / "report.txt")]) == 2
