"""A result as users hold it: what the store reads, and what a user does with it next."""

from typing import TYPE_CHECKING

from overseg.store.result import Result as StoredResult

if TYPE_CHECKING:
    from overseg.edits.editor import Editor


class Result(StoredResult):
    """A result with the verbs that need other rooms than the store. It only adds methods."""

    def edit(self) -> "Editor":
        """Return an editor, which changes the result and keeps the changes beside it.

        Example:
            >>> with overseg.open("cup.zarr").edit() as edit:  # doctest: +SKIP
            ...     edit.merge(13, 73, 125)
            ...     edit.name(13, "cup", category="dish")
            >>> overseg.open("cup.zarr").names[13].name  # doctest: +SKIP
            'cup'

        Raises:
            StoreError: another process edits the store, or it cannot be written.
        """
        from overseg.edits.editor import Editor

        return Editor(self.path)
