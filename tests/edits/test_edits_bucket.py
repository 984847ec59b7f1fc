"""Edits of a store in a bucket: kept beside the result, made by one process at a time."""

import pytest
from local_s3 import local_s3
from store.store_samples import open_store, publish, visits

import overseg
from overseg.edits.editor import EDITS_LOCK, Editor
from overseg.edits.journal import JOURNAL
from overseg.edits.reading import done_edits


def test_edits_lie_beside_a_result_in_a_bucket_and_a_run_may_write_meanwhile():
    with local_s3() as s3:
        url = s3.url("edited.zarr")
        with open_store(url) as store:
            for visit in visits():
                store.commit(visit)
            publish(store, visits(), final=False)
        with Editor(url) as editor:
            editor.drop(0)
            with pytest.raises(overseg.OversegError, match="another process edits"):
                Editor(url)
            with open_store(url) as store:  # a run excludes no editor
                assert not store.final
            editor.name(1, "cup")
            assert EDITS_LOCK in s3.names(url)
        assert EDITS_LOCK not in s3.names(url) and JOURNAL in s3.names(url)
        found = overseg.open(url)
        assert [entry.edit.kind for entry in done_edits(found)] == ["drop", "name"]
        assert not found.tracks.exists[0] and found.names[1].name == "cup"
