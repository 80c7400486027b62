"""What is said about stacks and their verdicts, in both languages; one place, one wording."""

from __future__ import annotations

from typing import Final

from app.core.message import number_ru
from app.core.report import Message
from app.core.study import StudyWarning

OK: Final = Message("one orientation and spacing", "одна ориентация и равные промежутки")
NO_PLACE: Final = Message(
    "no position in space: shown image by image",
    "нет положения в пространстве: показ по снимкам",
)
ONE_PLACE: Final = Message(
    "one position for all frames of the file: shown image by image",
    "одно положение на все кадры файла: показ по снимкам",
)
NO_VOLUME: Final = Message("no volume", "объёма нет")
SINGLE: Final = Message("a single image: no volume", "один снимок: объёма нет")
NO_SPACING: Final = Message(
    "no pixel spacing: shown image by image", "нет размера пикселя: показ по снимкам"
)
PROJECTION: Final = Message("projection images: no volume", "проекционные снимки: объёма нет")
SEGMENTATION: Final = Message("a segmentation of other images", "сегментация других изображений")
REPEATED: Final = Message(
    "several images lie at one position and no attribute tells them apart",
    "несколько снимков лежат в одном месте, и ни один атрибут их не различает",
)
REPEATED_PLACES: Final = Message(
    "images at places that others already have", "снимки на местах, уже занятых другими"
)
TURNED: Final = Message(
    "the images are turned against each other", "снимки повёрнуты друг относительно друга"
)
BESIDE: Final = Message(
    "the slices lie beside each other, not behind each other",
    "срезы лежат рядом, а не друг за другом",
)
MORE_MISSING: Final = Message(
    "more slices are missing than present", "пропущенных срезов больше, чем имеющихся"
)
IS_UTF8: Final = Message(
    "texts of the header declare another character set but are UTF-8; read as UTF-8",
    "тексты заголовка объявляют другую кодировку, но записаны в UTF-8; прочитаны как UTF-8",
)
ESCAPES_UNDECLARED: Final = Message(
    "texts of the header switch between character sets without declaring them: names may be wrong",
    "тексты заголовка переключают кодировки, не объявляя их: имена могут быть неверны",
)
UNREADABLE_TEXT: Final = Message(
    "texts of the header are not in the character set they declare: letters are missing",
    "тексты заголовка не в той кодировке, которую объявляют: части букв нет",
)
OWN_ORIENTATION: Final = Message("own orientation", "своя ориентация")
OTHER_ORIENTATION: Final = Message(
    "images of another orientation are shown apart",
    "снимки другой ориентации показаны отдельно",
)
WHOLE_SLIDE: Final = Message(
    "whole-slide microscopy is not supported; its tiles are not shown",
    "микроскопия целых стёкол не поддерживается; её фрагменты не показаны",
)
NO_FRAME_OF_REFERENCE: Final = Message(
    "the images name no frame of reference: they can be linked with no other series",
    "снимки не называют систему координат: связать их с другими сериями нельзя",
)
BAD_TABLE: Final = Message(
    "a lookup table of the image is not valid and is left out",
    "таблица преобразования снимка неверна и не применяется",
)
_IMAGE_BY_IMAGE: Final = Message("shown image by image", "показ по снимкам")
_ATTRIBUTES_RU: Final = {
    "photometric": "фотометрия",
    "image type": "тип изображения",
    "kernel": "ядро",
    "echo time": "время эха",
    "b-value": "b-фактор",
    "stack id": "номер стопки",
    "unit": "единица",
    "temporal position": "временная точка",
    "trigger time": "задержка от триггера",
    "cardiac phase": "фаза сердца",
    "acquisition number": "номер сбора данных",
    "gradient direction": "направление градиента",
    "echo number": "номер эха",
    "inversion time": "время инверсии",
    "flip angle": "угол отклонения",
    "component": "компонента",
    "frame reference time": "опорное время кадра",
    "acquisition time": "время сбора данных",
    "content time": "время изображения",
    "energy window": "энергетическое окно",
    "detector": "детектор",
    "phase": "фаза",
    "heart beat interval": "интервал RR",
    "time slot": "временной отрезок",
    "time slice": "временной срез",
    "dimension": "измерение",
    "exact echo time": "точное время эха",
    "slice thickness": "толщина среза",
    "tube voltage": "напряжение на трубке",
    "contrast agent": "контрастное вещество",
    "time of the pass": "проход по времени",
}


def warning(code: str, message: Message) -> StudyWarning:
    """A warning of the correctness checklist."""
    return StudyWarning(code, message.en, message.ru)


def joined(*messages: Message, by: str = "; ") -> Message:
    """Several sentences as one; empty ones are left out."""
    return Message(by.join(m.en for m in messages if m.en), by.join(m.ru for m in messages if m.ru))


def not_shown(why: Message) -> Message:
    """D16: frames without a decoder."""
    return Message(f"the frames cannot be shown: {why.en}", f"кадры показать нельзя: {why.ru}")


def image_by_image(why: Message) -> Message:
    """The reason and its consequence."""
    return joined(why, _IMAGE_BY_IMAGE, by=": ")


def all_at_one_position(count: int) -> Message:
    """G11."""
    return Message(
        f"all {count} images lie at one position", f"все снимки ({count}) лежат в одном месте"
    )


def spacing_refused(fault: str) -> Message:
    """G20."""
    return Message(f"{fault}: not used", f"{fault}: не используется")


def uneven(least_mm: float, greatest_mm: float) -> Message:
    """G05."""
    return Message(
        f"the distance between slices varies from {least_mm:.2f} to {greatest_mm:.2f} mm",
        f"расстояние между срезами меняется от {number_ru(least_mm, '.2f')} до"
        f" {number_ru(greatest_mm, '.2f')} мм",
    )


def missing(count: int, before: str, after: str) -> Message:
    """G04; the neighbours are named as in the file."""
    return Message(
        f"{count} {'slice' if count == 1 else 'slices'} missing between {before} and {after}",
        f"пропущено срезов: {count}, между {_in_russian(before)} и {_in_russian(after)}",
    )


def empty_between(gap_mm: float, before: str, after: str) -> Message:
    """G04: too much is empty for one volume."""
    return Message(
        f"{gap_mm:.1f} mm without a slice between {before} and {after}",
        f"{number_ru(gap_mm, '.1f')} мм без срезов между {_in_russian(before)} и"
        f" {_in_russian(after)}",
    )


def headers_alone(count: int) -> Message:
    """D12: images of which only the header was stored."""
    return Message(
        f"{count} {'file holds' if count == 1 else 'files hold'} the header of an image without "
        "its pixels: nothing of them can be shown",
        f"файлов, где есть заголовок снимка, но нет пикселей: {count}; показать их нельзя",
    )


def shifted(up_to_mm: float) -> Message:
    """G06, without a common angle."""
    return Message(
        f"the slices are shifted sideways unevenly, up to {up_to_mm:.1f} mm",
        f"срезы неравномерно смещены в сторону, до {number_ru(up_to_mm, '.1f')} мм",
    )


def tilted(angle_deg: float) -> Message:
    """G06."""
    return Message(
        f"the gantry was tilted by {angle_deg:.1f} degrees",
        f"гентри было наклонено на {number_ru(angle_deg, '.1f')} градуса",
    )


def resampled(reasons: Message) -> Message:
    """The verdict with what led to it."""
    return joined(
        Message("resampled to a regular grid", "пересчитано на равномерную сетку"),
        reasons,
        by=": ",
    )


def several_frames_of_reference(count: int) -> Message:
    """G19, G21."""
    return Message(
        f"the images name {count} frames of reference although they fit together; "
        "the first one is used",
        f"снимки называют разные системы координат ({count}), хотя подходят друг к другу; "
        "взята первая",
    )


def attribute(name: str, value: str) -> Message:
    """What sets a stack apart, e.g. ``b-value 1000``."""
    return Message(f"{name} {value or 'none'}", f"{_ATTRIBUTES_RU.get(name, name)} {value or '—'}")


def nth_by(name: str, rank: int, count: int) -> Message:
    """What sets a time point apart where each place has times of its own."""
    russian = _ATTRIBUTES_RU.get(name, name)
    return Message(f"{name} {rank} of {count}", f"{russian} {rank} из {count}")


def size(columns: int, rows: int) -> Message:
    """The size by which a stack differs (G18)."""
    return Message(f"{columns} x {rows} pixels", f"{columns} x {rows} пикселей")


def compressed_with_loss(ratio: float | None) -> Message:
    """I16."""
    about, about_ru = (
        (f", about {ratio:g}:1", f", около {number_ru(ratio)}:1") if ratio else ("", "")
    )
    return Message(
        f"the image was compressed with loss{about}", f"снимок сжат с потерями{about_ru}"
    )


def frames_missing(count: int, told_by: Message) -> Message:
    """D18: how many frames are missing, and how that is known."""
    return Message(
        f"{count} {'image is' if count == 1 else 'images are'} missing; told by {told_by.en}",
        f"не хватает снимков: {count}; на это указывает: {told_by.ru}",
    )


def time_points_missing(count: int) -> Message:
    """D18 of a 4D series."""
    return Message(
        f"{count} {'time point is' if count == 1 else 'time points are'} missing; told by the "
        "number of time points in the header (NumberOfTemporalPositions)",
        f"не хватает временных точек: {count}; это видно по их числу в заголовке "
        "(NumberOfTemporalPositions)",
    )


def repeated(names: list[str]) -> Message:
    """G09: single images at a place that is taken."""
    few = ", ".join(names[:5]) + ("…" if len(names) > 5 else "")
    return Message(
        f"images at a place that another one already has ({few}): shown in a stack of their own",
        f"снимки на уже занятом месте ({_named_in_russian(few)}): показаны отдельной стопкой",
    )


def read_as(character_set: str) -> Message:
    """D10: nothing, or something wrong, was declared."""
    return Message(
        "texts of the header do not declare their character set; read as "
        f"{character_set}: names may be wrong",
        f"тексты заголовка не объявляют кодировку; прочитаны как {character_set}: "
        "имена могут быть неверны",
    )


def made_up(keyword: str) -> Message:
    """D12."""
    return Message(f"{keyword} is missing; one was made up", f"{keyword} отсутствует; создан новый")


def frames_beyond(count: int) -> Message:
    """D12: what the header does not announce is not shown."""
    return Message(
        f"the pixel data holds {count} more {'frame' if count == 1 else 'frames'} than the header "
        "states; they are not shown",
        f"в пиксельных данных есть кадры сверх указанных в заголовке: {count}; они не показаны",
    )


def no_number(keyword: str) -> Message:
    """D12."""
    return Message(
        f"{keyword} is no number: not used, values are as stored",
        f"{keyword} — не число: не используется, значения как в файле",
    )


def unreadable(count: int, total: int, first: Message) -> Message:
    """D12; ``first`` says why the first of them is so."""
    return Message(
        f"{count} of {total} images cannot be decoded and are left empty: {first.en}",
        f"Не читаются снимки: {count} из {total}, их место пусто: {first.ru}",
    )


def _named_in_russian(names: str) -> str:
    return names.replace("image ", "снимок ").replace("frame ", "кадр ")


def _in_russian(name: str) -> str:
    return name.replace("image ", "снимком ").replace("frame ", "кадром ")
