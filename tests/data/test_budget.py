"""Parsing budgets, and reaching their limits."""

import pytest

from overseg.data.budget import Budget, Spent
from overseg.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("90s", Budget(max_seconds=90)),
        ("1.5m", Budget(max_seconds=90)),
        ("2h", Budget(max_seconds=7200)),
        ("coverage=0.98", Budget(min_coverage=0.98)),
        ("masks=100000, 10m", Budget(max_seconds=600, max_masks=100000)),
        ("work=12.5", Budget(max_work=12.5)),
    ],
)
def test_limits_are_parsed(text, budget):
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    "text", ["", "10", "ten minutes", "coverage=1.2", "coverage=0", "masks=-5", "0s", "5s,10s", "5s,"]
)
def test_invalid_text_is_refused_and_quoted(text):
    with pytest.raises(SettingsError, match="--budget"):
        Budget.parse(text)


def test_the_first_limit_reached_is_named():
    budget = Budget.parse("60s,coverage=0.9,masks=100,work=20")
    assert budget.limit_reached(Spent(seconds=10, coverage=0.5, n_masks=10, work=5)) is None
    assert budget.limit_reached(Spent(seconds=60, coverage=0.5, n_masks=10, work=5)) == "seconds=60"
    assert budget.limit_reached(Spent(seconds=10, coverage=0.9, n_masks=10, work=5)) == "coverage=0.9"
    assert budget.limit_reached(Spent(seconds=10, coverage=0.5, n_masks=100, work=5)) == "masks=100"
    assert budget.limit_reached(Spent(seconds=10, coverage=0.5, n_masks=10, work=20.1)) == "work=20"


def test_a_step_that_would_exceed_the_limit_by_more_than_half_of_it_is_not_started():
    budget = Budget(max_seconds=60)
    assert budget.limit_reached(Spent(55, 0, 0, 0), next_seconds=8) is None
    assert budget.limit_reached(Spent(55, 0, 0, 0), next_seconds=12) == "seconds=60"


def test_work_never_exceeds_its_limit():
    budget = Budget(max_work=20)
    assert budget.limit_reached(Spent(0, 0, 0, work=16), next_work=4) is None
    assert budget.limit_reached(Spent(0, 0, 0, work=16), next_work=4.1) == "work=20"
