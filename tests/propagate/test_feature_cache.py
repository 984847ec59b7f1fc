"""The cache of image features stays within its size and drops the least recently used values."""

import pytest

from overseg.propagate.feature_cache import FeatureCache


@pytest.fixture
def cache() -> FeatureCache[bytes]:
    return FeatureCache[bytes](max_bytes=10, n_bytes=len)


def test_an_empty_cache_has_no_value(cache: FeatureCache[bytes]) -> None:
    assert cache.get("a") is None
    assert cache.used_bytes == 0


def test_recently_used_values_are_kept(cache: FeatureCache[bytes]) -> None:
    for key in "abc":
        cache.put(key, b"123")
    assert cache.get("a") == b"123"
    cache.put("d", b"12345")
    assert [key for key in "abcd" if cache.get(key)] == ["a", "d"]
    assert cache.used_bytes == 8


def test_a_key_put_again_counts_once(cache: FeatureCache[bytes]) -> None:
    cache.put("a", b"12345678")
    cache.put("a", b"1234")
    cache.put("b", b"123456")
    assert (cache.get("a"), cache.get("b"), cache.used_bytes) == (b"1234", b"123456", 10)


def test_a_value_larger_than_the_cache_is_not_kept_and_drops_no_other(cache: FeatureCache[bytes]) -> None:
    cache.put("a", b"1234567890")
    cache.put("b", b"12345678901")
    assert (cache.get("a"), cache.get("b")) == (b"1234567890", None)


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = FeatureCache[bytes](max_bytes=0, n_bytes=len)
    cache.put("a", b"1")
    assert cache.get("a") is None
