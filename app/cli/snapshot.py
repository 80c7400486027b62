"""``overread snapshot``: what a viewport would show, as PNG, without a display."""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.study import Series, Stack, Study
    from app.core.volume import Volume, Window
    from app.viewer.planes import Plane

_PLANES = ("axial", "coronal", "sagittal")
_MOST_PIXELS = 16384


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("path", type=Path, metavar="PATH")
    parser.add_argument("--series", metavar="UID", help="needed where there are several")
    parser.add_argument("--stack", type=int, default=0, metavar="N", help="counted from 0")
    parser.add_argument("--frame", type=int, metavar="N", help="counted from 1; default: middle")
    parser.add_argument("--plane", choices=_PLANES, help="default: the images as acquired")
    parser.add_argument("--window", type=float, nargs=2, metavar=("W", "L"))
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--lang", choices=("en", "ru"), default="en", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")


def run(args: argparse.Namespace) -> int:
    """Draw one image. Raises ``AppError`` where the image asked for does not exist."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.dicom.files.scan import scan
    from app.dicom.stacks.grouping import group
    from app.rendering.snapshot import SnapshotRequest, render, to_png

    window = _window(*args.window) if args.window else None
    size = _size(*args.size) if args.size else None
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as progress:
        found = scan([args.path], workspace=Path(workspace), progress=progress.show)
        studies = group(found.records)
        study, series, stack = _chosen(studies, args)
        plane: Plane = args.plane or "stack"
        if plane == "stack":
            volume, index = _acquired(study, series, stack, _frame_index(args, studies, stack))
        else:
            volume, index = _reformatted(study, series, stack, plane, args.frame)
    picture = render(volume, SnapshotRequest(index, plane, window, size))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(to_png(picture))
    return ExitCode.DONE


def _window(width: float, level: float) -> Window:
    """The window asked for; LINEAR is not defined below a width of 1 (I02, PS3.3 C.11.2.1.2)."""
    from app.core.errors import UsageFault
    from app.core.volume import Window

    if not (math.isfinite(width) and math.isfinite(level) and width > 0):
        raise UsageFault(
            "--window takes a width above 0 and a level.",
            ru="--window: нужны ширина больше 0 и уровень.",
            hint="The width comes first: --window 400 40.",
            hint_ru="Сначала ширина: --window 400 40.",
        )
    return Window(level, width, function="LINEAR" if width >= 1 else "LINEAR_EXACT")


def _size(width: int, height: int) -> tuple[int, int]:
    from app.core.errors import UsageFault

    if not (1 <= width <= _MOST_PIXELS and 1 <= height <= _MOST_PIXELS):
        raise UsageFault(
            f"--size takes a width and a height from 1 to {_MOST_PIXELS} pixels.",
            ru=f"--size: нужны ширина и высота от 1 до {_MOST_PIXELS} пикселей.",
            hint="For example --size 1024 1024.",
            hint_ru="Например, --size 1024 1024.",
        )
    return width, height


def _chosen(studies: tuple[Study, ...], args: argparse.Namespace) -> tuple[Study, Series, Stack]:
    from app.cli.volume import find_stack
    from app.core.errors import InputError

    if args.series:
        study, series, stack = find_stack(studies, args.series, args.stack)
        if not stack.frames:
            raise _no_images()
        return study, series, stack
    with_images = [(study, series) for study in studies for series in study.series if series.frames]
    if not with_images:
        raise _no_images()
    if len(with_images) > 1:
        raise InputError(
            f"There are {len(with_images)} series with images.",
            ru=f"Серий со снимками: {len(with_images)}.",
            hint="Name one with --series; overread inspect lists them.",
            hint_ru="Укажите одну через --series; список даёт overread inspect.",
        )
    study, series = with_images[0]
    return find_stack(studies, series.series_instance_uid, args.stack)


def _frame_index(args: argparse.Namespace, studies: tuple[Study, ...], stack: Stack) -> int:
    """From 0 in the stack; ``--frame`` counts in the file where a single file is given."""
    count = len(stack.frames)
    if args.frame is None:
        return count // 2
    objects = [i for study in studies for series in study.series for i in series.instances]
    if args.path.is_file() and len(objects) == 1:
        for number, ref in enumerate(stack.frames):
            if ref.frame == args.frame:
                return number
        raise _no_frame(args.frame, count)
    if not 1 <= args.frame <= count:
        raise _no_frame(args.frame, count)
    return int(args.frame) - 1


def _acquired(study: Study, series: Series, stack: Stack, index: int) -> tuple[Volume, int]:
    """The acquired image as a volume of one; its own window of that frame comes first (I11)."""
    from app.dicom.stacks.stack_reader import StackReader, make_volume

    reader = StackReader(study, series, stack)
    facts = reader.facts
    own = () if facts.is_color else reader.windows(index) or facts.windows
    only = replace(facts, windows=own, frame_windows=())
    return make_volume(only, reader.read_frame(index)[None], reader.ref), 0


def _reformatted(
    study: Study, series: Series, stack: Stack, plane: Plane, frame: int | None
) -> tuple[Volume, int]:
    from app.core.errors import GeometryError
    from app.dicom.stacks.assemble import assemble_volume
    from app.viewer.planes import image_space, plane_grid

    if not stack.is_volume:
        raise GeometryError(
            f"There are no planes: the images are no volume ({stack.why}).",
            ru="Плоскостей нет: снимки не образуют объёма.",
            hint="Leave --plane out to get the images as acquired.",
            hint_ru="Без --plane будут показаны исходные снимки.",
        )
    volume = assemble_volume(study, series, stack)
    count = plane_grid(image_space(volume), plane).size_ijk[2]
    if frame is not None and not 1 <= frame <= count:
        raise _no_frame(frame, count)
    return volume, count // 2 if frame is None else frame - 1


def _no_frame(frame: int, count: int) -> Exception:
    from app.core.errors import InputError

    return InputError(
        f"There is no image {frame}; there are {count}.",
        ru=f"Снимка {frame} нет; всего снимков: {count}.",
        hint="Images are counted from 1.",
        hint_ru="Снимки нумеруются с 1.",
    )


def _no_images() -> Exception:
    from app.core.errors import InputError

    return InputError(
        "There are no images to show.",
        ru="Снимков для показа нет.",
        hint="overread inspect lists what is in the files.",
        hint_ru="Что есть в файлах, покажет overread inspect.",
    )
