import threading
import warnings

import pytest
from pydicom.dataset import Dataset

from app.dicom.tolerant import integer_of, items_of, number_of, numbers_of, quiet, words_of


def test_values_that_are_none_are_none():
    ds = Dataset()
    assert number_of(ds, "Rows") is None
    assert integer_of(ds, "Rows", 7) == 7
    ds.PixelSpacing = None
    assert numbers_of(ds, "PixelSpacing") == ()
    ds.PixelSpacing = [0.5, 0.25]
    assert numbers_of(ds, "PixelSpacing") == (0.5, 0.25)
    ds.ImageType = ["ORIGINAL", "PRIMARY "]
    assert words_of(ds, "ImageType") == ("ORIGINAL", "PRIMARY")
    assert items_of(ds, "PlanePositionSequence") == ()
    assert items_of(None, "PlanePositionSequence") == ()


def test_quiet_in_overlapping_threads_restores_the_filters():
    first_inside, second_done = threading.Event(), threading.Event()
    before = list(warnings.filters)

    def outer():
        with quiet():
            first_inside.set()
            second_done.wait(5)
            warnings.warn("not raised inside", stacklevel=1)

    thread = threading.Thread(target=outer)
    thread.start()
    first_inside.wait(5)
    with quiet(), quiet():
        warnings.warn("nor here", stacklevel=1)
    second_done.set()
    thread.join()
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning):
        warnings.warn("raised again", stacklevel=1)
