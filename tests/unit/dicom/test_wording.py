from tests.support.opened import open_stack
from tests.support.synthetic_dicom import SeriesSpec, write_series


def test_every_warning_and_verdict_speaks_russian(tmp_path):
    spec = SeriesSpec(positions_mm=[0, 2, 4, 8, 10, 12, 14], tilt_deg=10)
    write_series(tmp_path / "ct", spec)
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert [warning.code for warning in stack.warnings] == ["G04", "G06"]
    assert [warning.text_in("ru") for warning in stack.warnings] == [
        "пропущено срезов: 1, между снимком 3 и снимком 4",
        "гентри было наклонено на 10,0 градуса",
    ]
    assert stack.why_in("ru").startswith("пересчитано на равномерную сетку: ")
    assert stack.why_in("en") == stack.why
