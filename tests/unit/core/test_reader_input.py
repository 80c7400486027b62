"""What the reader gives to a run."""

import pytest

from app.core.errors import InputError
from app.core.reader_input import (
    NamedBox,
    NamedLine,
    NamedPoint,
    ReaderInput,
    reader_input_from_json,
)

GIVEN = ReaderInput(
    points=(NamedPoint("nodule", (1.0, -2.5, 3.0)),),
    boxes=(NamedBox("left hippocampus", ((0.0, 0.0, 0.0), (10.0, 20.0, 30.0))),),
    lines=(NamedLine("heart", ((0.0, 0.0, 0.0), (100.0, 0.0, 0.0))),),
    choices=(("gated", "yes"),),
)


def test_what_was_given_comes_back_from_json() -> None:
    again = reader_input_from_json(GIVEN.to_json())
    assert again == GIVEN
    assert again.sha256 == GIVEN.sha256
    assert again.point("nodule") == (1.0, -2.5, 3.0)
    assert again.box("nodule") is None
    assert again.choice("gated") == "yes"
    assert again.names("line") == {"heart"}


def test_another_point_is_another_hash() -> None:
    other = ReaderInput(points=(NamedPoint("nodule", (1.0, -2.5, 3.01)),))
    assert other.sha256 != ReaderInput(points=GIVEN.points).sha256


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"schema": "overread.input/2"},
        {"dots": []},
        {"points": {}},
        {"points": [{"name": "a", "lps": [1, 2]}]},
        {"points": [{"name": "a", "lps": [1, 2, float("nan")]}]},
        {"points": [{"name": "a", "lps": [1, 2, True]}]},
        {"points": [{"name": "", "lps": [1, 2, 3]}]},
        {"boxes": [{"name": "a", "lps": [[1, 2, 3]]}]},
        {"boxes": [{"name": "a", "lps": [[1, 2, 3], [1, 2, 3], [1, 2, 3]]}]},
        {"lines": [{"name": "a", "lps": [1, 2, 3]}]},
        {"choices": ["a"]},
    ],
)
def test_what_is_no_input_is_refused(data: object) -> None:
    with pytest.raises(InputError, match="reader's input"):
        reader_input_from_json(data)
