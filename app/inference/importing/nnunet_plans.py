"""nnU-Net v2: what ``plans.json`` and ``dataset.json`` say about inference, checked and typed.

Facts of the format are those of nnU-Net 2.8 (copilot-practice 2.1). Names of classes or functions
in the files are looked up in closed lists here; nothing named in a file is imported or run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.inference.importing.source_files import (
    integers,
    number,
    numbers,
    plain_name,
    refusal,
)

SCHEMES: Final = (
    "CTNormalization",
    "ZScoreNormalization",
    "NoNormalization",
    "RescaleTo01Normalization",
    "RGBTo01Normalization",
)
_RESAMPLING: Final = "resample_data_or_seg_to_shape"
_LABEL_MANAGERS: Final = ("LabelManager",)
_PREPROCESSORS: Final = ("DefaultPreprocessor",)
_MAX_CHAIN: Final = 20


@dataclass(frozen=True, slots=True)
class Channel:
    """One input channel: its name, its scheme, and the data set's constants where it is CT."""

    name: str
    scheme: str
    use_mask: bool
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True, slots=True)
class Resampling:
    """Spline orders; ``separate_z`` None: by anisotropy (ratio 3), else always or never."""

    order: int
    order_z: int
    separate_z: bool | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration of a plans file. ``spacing`` and ``patch`` are in array order after
    ``transpose_forward``; two entries: every slice on its own, through-plane spacing kept.
    """

    name: str
    spacing: tuple[float, ...]
    patch: tuple[int, ...]
    channels: tuple[Channel, ...]
    data: Resampling
    logits: Resampling
    transpose_forward: tuple[int, ...]
    reader: str


@dataclass(frozen=True, slots=True)
class Classes:
    """The output heads in their order: names, and for regions the labels each covers and the
    value it is painted with. Plain labels: head n has value n, background is head 0.
    """

    names: tuple[str, ...]
    regions: tuple[tuple[int, ...], ...] = ()
    order: tuple[int, ...] = ()
    ignore: bool = False

    @property
    def heads(self) -> int:
        """Output channels that the network must have."""
        return len(self.names) if self.regions else len(self.names) + 1


def configuration_names(plans: Mapping[str, Any]) -> tuple[str, ...]:
    """The configurations of a plans file."""
    configurations = plans.get("configurations")
    if not isinstance(configurations, dict) or not configurations:
        raise refusal("plans.json has no configurations", "в plans.json нет конфигураций")
    return tuple(configurations)


def read_configuration(
    plans: Mapping[str, Any], name: str, channel_names: tuple[str, ...]
) -> Configuration:
    """The configuration ``name`` with everything it inherits. Raises ``BundleRefused``."""
    merged = _merged(plans, name)
    if merged.get("previous_stage"):
        raise refusal(
            f'"{name}" is the second stage of a cascade',
            f"«{name}» — вторая ступень каскада",
            hint="Import 3d_fullres, 3d_lowres or 2d.",
            hint_ru="Импортируйте 3d_fullres, 3d_lowres или 2d.",
        )
    _require_known(plans.get("label_manager", "LabelManager"), _LABEL_MANAGERS, "label_manager")
    preprocessor = merged.get("preprocessor_name", "DefaultPreprocessor")
    _require_known(preprocessor, _PREPROCESSORS, "preprocessor_name")
    spacing = numbers(merged.get("spacing"), "plans.json: spacing")
    patch = integers(merged.get("patch_size"), "plans.json: patch_size")
    if len(spacing) not in (2, 3) or len(spacing) != len(patch):
        raise refusal("spacing and patch_size do not have the same two or three axes",
                      "у spacing и patch_size не одинаковые две или три оси")  # fmt: skip
    if min(spacing) <= 0 or min(patch) < 1 or max(patch) > 4096:
        raise refusal("spacing or patch_size is out of range", "spacing или patch_size вне границ")
    transpose = integers(plans.get("transpose_forward"), "plans.json: transpose_forward")
    if sorted(transpose) != [0, 1, 2]:
        raise refusal("transpose_forward is no order of three axes",
                      "transpose_forward — не порядок трёх осей")  # fmt: skip
    backward = integers(plans.get("transpose_backward"), "plans.json: transpose_backward")
    if [transpose[n] for n in backward] != [0, 1, 2]:
        raise refusal("transpose_backward does not undo transpose_forward",
                      "transpose_backward не отменяет transpose_forward")  # fmt: skip
    return Configuration(
        name,
        spacing,
        patch,
        _channels(plans, merged, channel_names),
        _resampling(merged, "data"),
        _resampling(merged, "probabilities"),
        transpose,
        str(plans.get("image_reader_writer", "")),
    )


def channel_names(dataset: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the input channels by their number."""
    given = dataset.get("channel_names", dataset.get("modality"))
    if not isinstance(given, dict) or not given:
        raise refusal("dataset.json has no channel_names", "в dataset.json нет channel_names")
    expected = [str(n) for n in range(len(given))]
    if sorted(given) != sorted(expected):
        raise refusal("the channels in dataset.json are not numbered from 0",
                      "каналы в dataset.json пронумерованы не с 0")  # fmt: skip
    return tuple(plain_name(given[key], f"channel {key}", f"канал {key}") for key in expected)


def read_classes(dataset: Mapping[str, Any]) -> Classes:
    """The output heads. Raises ``BundleRefused`` where labels are not 0, 1, 2, ... in one run."""
    labels = dataset.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise refusal("dataset.json has no labels", "в dataset.json нет labels")
    if all(key.isdigit() for key in labels):
        raise refusal(
            "dataset.json is of nnU-Net v1", "dataset.json от nnU-Net v1",
            hint="Convert the model to nnU-Net v2 first.",
            hint_ru="Сначала переведите модель на nnU-Net v2.",
        )  # fmt: skip
    if labels.get("background") != 0 or isinstance(labels.get("background"), bool):
        raise refusal("the background in dataset.json is not label 0",
                      "фон в dataset.json — не метка 0")  # fmt: skip
    own = {plain_name(key, "a label", "метка"): value for key, value in labels.items()}
    ignore = own.pop("ignore", None)
    regions = {key: _region(key, value) for key, value in own.items()}
    values = sorted({value for region in regions.values() for value in region})
    if values != list(range(len(values))):
        raise refusal("the labels in dataset.json are not consecutive numbers from 0",
                      "метки в dataset.json — не подряд идущие числа с 0")  # fmt: skip
    if ignore is not None and (isinstance(ignore, bool) or ignore != len(values)):
        raise refusal("the ignore label in dataset.json is not the highest one",
                      "метка ignore в dataset.json — не самая большая")  # fmt: skip
    foreground = {key: region for key, region in regions.items() if set(region) != {0}}
    if not foreground:
        raise refusal("dataset.json has no label but background",
                      "в dataset.json нет меток, кроме фона")  # fmt: skip
    if not any(len(region) > 1 for region in foreground.values()):
        return _plain(foreground, ignore=ignore is not None)
    order = integers(dataset.get("regions_class_order"), "dataset.json: regions_class_order")
    if len(order) != len(foreground) or not set(order) <= set(values) - {0}:
        raise refusal("regions_class_order does not have one label for each region",
                      "в regions_class_order не по одной метке на область")  # fmt: skip
    names = tuple(foreground)
    return Classes(names, tuple(foreground.values()), order, ignore is not None)


def _plain(foreground: dict[str, tuple[int, ...]], *, ignore: bool) -> Classes:
    """Head n is the label of value n, whatever the order in the file."""
    by_value = {region[0]: name for name, region in foreground.items()}
    if len(by_value) != len(foreground):
        raise refusal("two labels in dataset.json have one number",
                      "две метки в dataset.json с одним номером")  # fmt: skip
    return Classes(tuple(by_value[value] for value in sorted(by_value)), ignore=ignore)


def _region(name: str, value: object) -> tuple[int, ...]:
    given = value if isinstance(value, list) else [value]
    region = integers(given, f'dataset.json: label "{name}"')
    if not region or min(region) < 0 or max(region) > 65535:
        raise refusal(f'the label "{name}" has no valid number', f"у метки «{name}» нет номера")
    return region


def _merged(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A configuration over those that it inherits from."""
    configurations = plans.get("configurations", {})
    chain: list[dict[str, Any]] = []
    wanted: object = name
    while wanted is not None:
        part = configurations.get(wanted) if isinstance(wanted, str) else None
        if not isinstance(part, dict):
            raise refusal(
                f'plans.json has no configuration "{wanted}"',
                f"в plans.json нет конфигурации «{wanted}»",
                hint=f"It has: {', '.join(map(str, configurations))}.",
                hint_ru=f"Есть: {', '.join(map(str, configurations))}.",
            )
        if part in chain or len(chain) > _MAX_CHAIN:
            raise refusal("configurations in plans.json inherit from each other in a circle",
                          "конфигурации в plans.json наследуют по кругу")  # fmt: skip
        chain.append(part)
        wanted = part.get("inherits_from")
    merged: dict[str, Any] = {}
    for part in reversed(chain):
        merged.update(part)
    return merged


def _channels(
    plans: Mapping[str, Any], merged: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[Channel, ...]:
    schemes, masks = merged.get("normalization_schemes"), merged.get("use_mask_for_norm")
    if not isinstance(schemes, list) or not isinstance(masks, list):
        raise refusal("plans.json has no normalization_schemes or use_mask_for_norm",
                      "в plans.json нет normalization_schemes или use_mask_for_norm")  # fmt: skip
    if not len(schemes) == len(masks) == len(names):
        raise refusal(
            f"plans.json normalises {len(schemes)} channels, and dataset.json has {len(names)}",
            f"plans.json нормализует каналов: {len(schemes)}, а в dataset.json их {len(names)}",
        )
    constants = plans.get("foreground_intensity_properties_per_channel",
                          plans.get("foreground_intensity_properties_by_modality", {}))  # fmt: skip
    return tuple(
        _channel(name, scheme, mask, constants, position)
        for position, (name, scheme, mask) in enumerate(zip(names, schemes, masks, strict=True))
    )


def _channel(name: str, scheme: object, mask: object, constants: object, position: int) -> Channel:
    if scheme not in SCHEMES:
        raise refusal(
            f'the normalisation scheme "{str(scheme)[:60]}" is not known',
            f"схема нормализации «{str(scheme)[:60]}» неизвестна",
            hint=f"Known: {', '.join(SCHEMES)}.",
            hint_ru=f"Известны: {', '.join(SCHEMES)}.",
        )
    if not isinstance(mask, bool):
        raise refusal("use_mask_for_norm is not true or false", "use_mask_for_norm не true/false")
    if scheme != "CTNormalization":
        return Channel(name, str(scheme), mask)
    own = constants.get(str(position)) if isinstance(constants, dict) else None
    if not isinstance(own, dict):
        raise refusal(f"plans.json has no intensity figures of channel {position}",
                      f"в plans.json нет показателей яркости канала {position}")  # fmt: skip
    low, high, mean, std = (
        number(own.get(key), f"plans.json: {key} of channel {position}")
        for key in ("percentile_00_5", "percentile_99_5", "mean", "std")
    )
    if low >= high or std < 0:
        raise refusal(f"the intensity figures of channel {position} are not possible",
                      f"показатели яркости канала {position} невозможны")  # fmt: skip
    return Channel(name, str(scheme), mask, low, high, mean, std)


def _resampling(merged: Mapping[str, Any], what: str) -> Resampling:
    function = merged.get(f"resampling_fn_{what}")
    _require_known(function, (_RESAMPLING,), f"resampling_fn_{what}")
    given = merged.get(f"resampling_fn_{what}_kwargs")
    if not isinstance(given, dict):
        raise refusal(f"plans.json has no resampling_fn_{what}_kwargs",
                      f"в plans.json нет resampling_fn_{what}_kwargs")  # fmt: skip
    order, order_z = given.get("order", 3), given.get("order_z", 0)
    separate = given.get("force_separate_z", False)
    threshold = given.get("separate_z_anisotropy_threshold", 3)
    strange = set(given) - {"is_seg", "order", "order_z", "force_separate_z",
                            "separate_z_anisotropy_threshold"}  # fmt: skip
    usual = order in (0, 1, 3) and order_z in (0, 1) and separate in (None, True, False)
    if strange or not usual or given.get("is_seg") or threshold != 3:
        raise refusal(
            f"resampling_fn_{what}_kwargs of plans.json ask for what is not supported",
            f"resampling_fn_{what}_kwargs в plans.json требуют неподдерживаемого",
            str(given)[:300],
            hint="Supported: order 0, 1, 3; order_z 0, 1; force_separate_z null, true, false.",
            hint_ru="Поддерживаются: order 0, 1, 3; order_z 0, 1; force_separate_z.",
        )
    return Resampling(int(order), int(order_z), separate)


def _require_known(value: object, known: tuple[str, ...], key: str) -> None:
    if value not in known:
        raise refusal(
            f'{key} "{str(value)[:60]}" of plans.json is not known',
            f"{key} «{str(value)[:60]}» в plans.json неизвестен",
            hint=f"Known: {', '.join(known)}.",
            hint_ru=f"Известно: {', '.join(known)}.",
        )
