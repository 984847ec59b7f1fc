"""Parsing amounts of memory."""

import pytest

from overseg.data.byte_size import parse_bytes
from overseg.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("0", 0),
        (0, 0),
        (4096, 4096),
        ("4096", 4096),
        ("512M", 512 * 2**20),
        ("4G", 4 * 2**30),
        ("1.5 GiB", 3 * 2**29),
        ("2kb", 2048),
        ("1T", 2**40),
    ],
)
def test_amounts(text, n_bytes):
    assert parse_bytes(text, option="--feature-cache") == n_bytes


@pytest.mark.parametrize("text", ["1" * 400, "1" * 400 + "G", "1048577T", 2**60 + 1, 10**5000], ids=range(5))
def test_more_than_any_machine_has(text):
    with pytest.raises(SettingsError, match=r"--feature-cache takes at most 1048576T, and was given more"):
        parse_bytes(text, option="--feature-cache")


@pytest.mark.parametrize("text", ["", "G", "-1G", "4X", "lots", -1, True, None, 1.5, "1e9"])
def test_invalid_amounts(text):
    with pytest.raises(SettingsError, match="--feature-cache takes an amount of memory such as 512M, 4G or 0, not "):
        parse_bytes(text, option="--feature-cache")
