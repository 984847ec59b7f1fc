"""Settings are validated when they are made."""

import pytest

from overseg.data.settings import Settings
from overseg.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("step", 0, "--step takes a whole number of at least 1, or auto, not 0"),
        ("step", 2.5, "--step"),
        ("step", True, "--step"),
        ("weights", 5, "--weights"),
        ("pred_iou_thresh", 1.5, "--pred-iou-thresh takes a number from 0 to 1, not 1.5"),
        ("min_area_px", -3, "--min-area takes"),
        ("match_iou", 0, "--match-iou"),
        ("max_masks_per_keyframe", 0, "--max-masks-per-keyframe"),
        (
            "generator",
            "sam9",
            "--generator is one of sam1, sam2, sam2-hf, edgetam, sam3, hierarchy, precomputed, not 'sam9'",
        ),
        ("propagator", None, "--propagator"),
        ("resize", "big", "--resize"),
        ("end", 0, "--end"),
    ],
)
def test_an_invalid_value_is_named_with_what_is_expected(name, value, said):
    with pytest.raises(SettingsError) as error:
        Settings.from_options({name: value})
    assert said in str(error.value)


def test_the_end_comes_after_the_start():
    with pytest.raises(SettingsError, match="--end"):
        Settings(start=10, end=10)
