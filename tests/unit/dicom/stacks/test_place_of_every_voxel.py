"""Whatever the plane, the tilt and the gaps: a voxel has the value of its place, or is empty."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.geometry import Geometry
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import SeriesSpec, linear_hu, write_series

# The greatest change of the values within half a pixel: at the rim of a slice a pixel is repeated.
_STEEPEST = float(np.linalg.norm([1.0, 3.0, 7.0]))
_RIM = _STEEPEST * 0.4 * np.sqrt(2) + 0.51
# A tilt of less than a tenth of a degree is none (G06): a slice may lie that much aside.
_ASIDE_PER_MM = _STEEPEST * float(np.tan(np.radians(0.1)))


def values_of_places(geometry: Geometry) -> np.ndarray:
    i, j, k = geometry.size_ijk
    index = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="ij"), -1)
    return linear_hu(geometry.ijk_to_lps(index)).transpose(2, 1, 0)


@st.composite
def planes(draw: st.DrawFn) -> tuple[float, ...]:
    """Row and column direction of any plane."""
    a, b, c = (draw(st.floats(-np.pi, np.pi)) for _ in range(3))
    z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    matrix = z @ y @ x
    return (*matrix[:, 0], *matrix[:, 1])


specs = st.builds(
    SeriesSpec,
    rows=st.just(12),
    columns=st.just(10),
    count=st.just(9),
    step_mm=st.sampled_from([0.6, 2.0, 5.0]),
    orientation=planes(),
    tilt_deg=st.one_of(st.just(0.0), st.floats(-25, 25)),
)


@settings(max_examples=40)
@given(spec=specs, gone=st.sets(st.integers(1, 7), max_size=2))
def test_g16_every_voxel_of_any_series(tmp_path_factory, spec, gone):
    folder = tmp_path_factory.mktemp("any")
    positions = [spec.step_mm * n for n in range(spec.count) if n not in gone]
    made = SeriesSpec(
        rows=spec.rows, columns=spec.columns, orientation=spec.orientation,
        tilt_deg=spec.tilt_deg, positions_mm=positions,
    )  # fmt: skip
    stack, volume = open_volume(folder, write_series(folder / "ct", made))
    assert stack.geometry.size_ijk[2] == spec.count
    is_image = np.ones(volume.voxels.shape, bool)
    if stack.verdict == "resampled":
        is_image = ~volume.padding_mask()
    error = np.abs(volume.modality_values() - values_of_places(stack.geometry))[is_image]
    aside = _ASIDE_PER_MM * spec.step_mm * spec.count
    assert error.max() <= (_RIM if stack.verdict == "resampled" else 0.51 + aside)
    for n in range(spec.count):
        assert is_image[n].any() == (n not in gone)
    assert (stack.verdict == "ok") == (not gone and abs(spec.tilt_deg) <= 0.1)
    assert stack.health.missing_frames == len(gone)
