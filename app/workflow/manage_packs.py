"""Installing, verifying and removing model packs from the running program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.config.pack_settings import PackSettings
from app.config.settings import save_settings
from app.core.errors import AppError, ModelPackError
from app.core.report import Message
from app.inference.golden import try_out
from app.inference.installed_pack import InstalledPack
from app.inference.pack_policy import PackMode, policy_of
from app.workflow.context import AppContext


@dataclass(frozen=True, slots=True)
class PackState:
    """One version of a pack as a list shows it; ``mode`` is on, shadow or off."""

    installed: InstalledPack
    mode: PackMode
    in_use: bool


def pack_states(context: AppContext) -> tuple[PackState, ...]:
    """Every installed version, by id and version. Reads manifests only."""
    store = context.packs
    return tuple(PackState(one, store.mode(one), store.is_in_use(one)) for one in store.versions())


def install_pack(context: AppContext, file: Path) -> InstalledPack:
    """Check a pack file, run its sample here and install it; in the inference lane.

    Raises ``ModelPackError``; then nothing of it stays.
    """
    added = context.packs.add(file, lambda one: try_out(one, context.inference))
    context.store.audit.append(
        context.user, "pack.installed", added.pack.id,
        {"version": added.pack.version, "weights_sha256": added.pack.weights_sha256},
    )  # fmt: skip
    return added


def remove_pack(context: AppContext, key: str) -> None:
    """Delete a version of the user. Raises ``ModelPackError`` for a built-in one."""
    context.packs.remove(key)
    context.store.audit.append(context.user, "pack.removed", key.partition("@")[0], {"key": key})


def set_mode(context: AppContext, installed: InstalledPack, mode: PackMode) -> None:
    """Put a version in use, in the shadow or off: written to the settings, in force at once.

    A version that is put in use takes the place of the one that was. Raises ``EnvironmentFault``.
    """
    pack = installed.pack
    others = [
        one
        for one in context.settings.packs
        if one.id != pack.id
        or (one.version != pack.version and not (mode == "on" and one.version and one.mode == "on"))
    ]
    chosen = PackSettings(id=pack.id, version=pack.version, mode=mode)
    changed = context.settings.model_copy(update={"packs": (*others, chosen)})
    save_settings(context.store.folder, changed)
    context.settings = changed
    context.packs.use_policy(policy_of(changed))
    context.store.audit.append(
        context.user, "pack.mode", pack.id, {"version": pack.version, "mode": mode}
    )


def verify_pack(context: AppContext, key: str) -> Message:
    """Hash every file and run the sample; in the inference lane. What came of it, in words."""
    faults = context.packs.verify(key)
    if faults:
        first = faults[0]
        return Message(
            f"Not intact: {first.file}: {first.reason.en}",
            f"Повреждён: {first.file}: {first.reason.ru}",
        )
    try:
        report = try_out(context.packs.get(key), context.inference)
    except AppError as error:
        return Message(error.message, error.ru)
    if report is None:
        return Message("All files are intact; the pack has no sample.",
                       "Все файлы целы; образца в пакете нет.")  # fmt: skip
    return Message("All files are intact, and the sample comes out as it must.",
                   "Все файлы целы, образец даёт то, что должен.")  # fmt: skip


def card_text(installed: InstalledPack, language: str) -> str:
    """The card of a pack (Markdown), in the language where the pack has one in it."""
    card = installed.folder / installed.pack.model_card.file
    own = card.with_suffix(f".{language}{card.suffix}")
    listed = {entry.path for entry in installed.pack.files}
    chosen = own if own.name in listed else card
    try:
        return chosen.read_text("utf-8", errors="replace")
    except OSError as error:
        raise ModelPackError(
            "The card of the model pack cannot be read.",
            ru="Карточка пакета модели не читается.",
            hint="Verify the pack.",
            hint_ru="Проверьте пакет.",
            technical_detail=str(error.strerror),
        ) from error
