from __future__ import annotations

import pytest

from app.config.system_time import is_synchronised, leap_says


def test_the_system_is_asked() -> None:
    assert is_synchronised() in (True, False, None)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("Leap Indicator: 0(no warning)\r\nStratum: 4 (secondary reference)\r\n", True),
        ("Leap Indicator: 3(not synchronized)\r\nStratum: 0 (unspecified)\r\n", False),
        # the names are in the language of the system, and in its code page
        ("????????? ??????????: 3(?? ????????????????)\r\n??????: 0 (?? ??????)\r\n", False),
        ("The service has not been started.", None),
        ("", None),
    ],
)
def test_the_leap_indicator_is_read_in_any_language(status: str, said: bool | None) -> None:
    assert leap_says(status) is said
