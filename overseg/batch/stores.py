"""The stores that a batch completed."""

from collections.abc import Callable

from overseg.batch.outcome import State
from overseg.batch.records import Records
from overseg.batch.status import status_of
from overseg.batch.tasks import store_at
from overseg.errors import InputError
from overseg.store.places import folder_at
from overseg.store.root import is_store


def stores_in(place: str, *, remark: Callable[[str], None]) -> list[str]:
    """The complete stores of the folder of a batch, in the order of its videos; for any other place, that place alone.

    Args:
        place: a store, or the folder of a batch, a path or an address.
        remark: is told how many videos have no complete result.

    Raises:
        InputError: no video of the batch has a complete result.
        StoreError: the folder cannot be read.
    """
    if is_store(folder_at(place)) or not Records(place).tasks():
        return [place]
    outcomes = status_of(place)
    stores = [store_at(place, one.name) for one in outcomes if one.state is State.DONE]
    if not stores:
        raise InputError(f"none of the {len(outcomes)} videos of {place} is done: see `overseg batch status {place}`")
    if len(stores) < len(outcomes):
        n_left = len(outcomes) - len(stores)
        remark(f"{n_left} of {len(outcomes)} videos of {place} are not done, and left out")
    return stores
