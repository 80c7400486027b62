"""DICOM JSON of any server, also of one that is not well: values, never a crash."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.network.answers import FoundImage, FoundSeries, FoundStudy
from app.network.web_answers import MORE_FIELDS, UID_TAG, found_of, stored_and_refused, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["vr", "Value", "Alphabetic", "Ideographic"]), inner)
    ),
    max_leaves=8,
)
TAGS = st.sampled_from(
    ["0020000D", "0020000E", "00080018", "00100010", "00080061", "00201208", "00200013",
     "00081198", "00081199", "00081155", "00081197", "00081196"]
)  # fmt: skip
ROWS = st.dictionaries(TAGS, JSON, max_size=6)


@given(ROWS)
def test_any_row_is_a_value(row: dict[str, Any]) -> None:
    kinds = {"study": FoundStudy, "series": FoundSeries, "image": FoundImage}
    assert kinds.keys() == MORE_FIELDS.keys() == UID_TAG.keys()
    for level, kind in kinds.items():
        assert isinstance(found_of(level, row), kind)  # type: ignore[arg-type]


@given(ROWS)
def test_any_answer_says_something_of_each_object(row: dict[str, Any]) -> None:
    answered = stored_and_refused(row)
    assert not answered.stored & answered.refused.keys()
    assert all(refusal.reason.en and refusal.reason.ru for refusal in answered.refused.values())


def test_names_are_read_from_the_first_group_there_is() -> None:
    def name(**groups: str) -> str:
        return text({"00100010": {"vr": "PN", "Value": [groups]}}, "00100010")

    assert name(Alphabetic="Yamada^Tarou", Ideographic="山田^太郎") == "Yamada^Tarou"
    assert name(Ideographic="山田^太郎") == "山田^太郎"
    assert name() == ""


def test_reasons_by_their_number() -> None:
    def refused(status: object) -> tuple[str, bool]:
        failed = {"00081155": {"Value": ["1.2"]}, "00081197": {"Value": [status]}}
        answered = stored_and_refused({"00081198": {"Value": [failed]}})
        return answered.refused["1.2"].reason.en, answered.refused["1.2"].may_retry

    assert refused(0xA701) == ("the peer is out of resources", True)
    assert refused(0xA900) == ("its content does not fit its kind of object", False)
    assert refused("49152") == ("the peer cannot understand it", False)
    assert refused(0x0122) == ("the peer does not take this kind of object", False)
    assert refused(0x0999) == ("the peer refuses it with code 0999H", False)
    assert refused(None) == ("the peer gives no reason", True)
