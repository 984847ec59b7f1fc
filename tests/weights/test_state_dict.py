"""Reading checkpoints that are not what they should be."""

import pickle
from pathlib import Path

import pytest
import torch

from overseg.errors import WeightsError
from overseg.weights.state_dict import read_state_dict


def _saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"model": s}, lambda s: {"state_dict": s}])
def test_a_state_dict_comes_back_wrapped_or_not(tmp_path, wrap):
    state = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.steps": torch.tensor(3)}
    got = read_state_dict(_saved(tmp_path / "w.pt", wrap(state)))
    assert got.keys() == state.keys()
    assert all(torch.equal(got[name], value) for name, value in state.items())


def test_code_in_a_pickle_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "went off",))

    plain = tmp_path / "bomb.pkl"
    plain.write_bytes(pickle.dumps({"w": Bomb()}))
    for path in (plain, _saved(tmp_path / "bomb.pt", {"w": Bomb()})):
        with pytest.raises(WeightsError, match="not a checkpoint of plain tensors"):
            read_state_dict(path)
    assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.001])
def test_a_cut_off_checkpoint_is_one_line(tmp_path, kept):
    path = _saved(tmp_path / "w.pt", {"w": torch.zeros(100_000)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(WeightsError, match="cut off"):
        read_state_dict(path)


def test_a_checkpoint_with_damaged_bytes_inside_is_one_line(tmp_path):
    path = _saved(tmp_path / "w.pt", {"w": torch.zeros(10)})
    content = bytearray(path.read_bytes())
    content[60:200] = b"\xff" * 140
    path.write_bytes(content)
    with pytest.raises(WeightsError):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"just some bytes", "cut off or damaged|not a checkpoint of plain tensors"),
    ],
)
def test_another_kind_of_file_is_one_line(tmp_path, content, line):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=line):
        read_state_dict(path)


def test_a_folder_and_a_missing_file_are_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "none.pt"):
        with pytest.raises(WeightsError, match="cannot read the weights"):
            read_state_dict(path)


@pytest.mark.parametrize("content", [{}, [torch.zeros(1)], torch.zeros(1), {"epoch": 3}, {3: torch.zeros(1)}])
def test_something_other_than_a_state_dict_is_one_line(tmp_path, content):
    with pytest.raises(WeightsError, match="expected a state dict"):
        read_state_dict(_saved(tmp_path / "w.pt", content))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(tmp_path, value):
    path = _saved(tmp_path / "w.pt", {"fine": torch.ones(3), "broken.weight": torch.tensor([0.0, value])})
    with pytest.raises(WeightsError, match=r"not finite \(in broken\.weight\)"):
        read_state_dict(path)
