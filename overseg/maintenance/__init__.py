"""Checking and repairing stores.

`check` finds damaged files. `original_run` reads from the store how it was made. `repair` makes the damaged visits
again and publishes the result. A final store has no visits any more: `salvage` reads the rows of its result that are
not lost, `unfolding` turns them back into visits, and `made_visits` knows which visits a run made, and in which order.
"""
