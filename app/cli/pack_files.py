"""``overread packs pack | sign | keys | use | schema``: pack files, trusted keys, what runs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.config.settings import Settings
    from app.inference.pack_seal import SealedPack

SCHEMA: Final = "overread.packfile/1"
KEYS_SCHEMA: Final = "overread.packkeys/1"
ACTIONS: Final = ("pack", "sign", "keys", "use", "schema")


def add_arguments(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser
) -> None:
    """The actions of this file."""
    pack = actions.add_parser("pack", parents=[shared], help="make one file of a pack's folder")
    pack.add_argument("folder", type=Path, metavar="FOLDER")
    pack.add_argument("--out", type=Path, required=True, metavar="FILE.overreadpack")
    pack.add_argument("--key", type=Path, default=None, metavar="KEY", help="sign it with this key")
    sign = actions.add_parser("sign", parents=[shared], help="sign a pack file")
    sign.add_argument("file", type=Path, metavar="FILE.overreadpack")
    sign.add_argument("--key", type=Path, required=True, metavar="KEY")
    sign.add_argument("--out", type=Path, default=None, metavar="FILE", help="default: in place")
    keys = actions.add_parser("keys", parents=[shared], help="whose signature counts here")
    words = ("list", "new", "trust", "forget", "require", "allow")
    keys.add_argument("what", choices=words, nargs="?", default="list", metavar="|".join(words))
    keys.add_argument(
        "value", nargs="?", default="", metavar="FILE|KEY",
        help="new: the file of the private key; trust: a public key; forget: its id",
    )  # fmt: skip
    use = actions.add_parser("use", parents=[shared], help="which version runs, and how")
    use.add_argument("id", metavar="ID[@VERSION]")
    use.add_argument("--mode", choices=("on", "shadow", "off"), default="on")
    actions.add_parser("schema", parents=[shared], help="the JSON Schema of a manifest")


def run(args: argparse.Namespace) -> int:
    """Run one action."""
    from app.cli.exit_codes import ExitCode

    match args.action:
        case "pack":
            from app.inference.pack_seal import pack_folder

            _say(args, pack_folder(args.folder, args.out, key_file=args.key))
        case "sign":
            from app.inference.pack_seal import sign_file

            _say(args, sign_file(args.file, args.out or args.file, args.key))
        case "keys":
            _keys(args)
        case "use":
            _use(args)
        case "schema":
            from app.inference.manifest_schema import schema_text

            sys.stdout.write(schema_text())
    return ExitCode.DONE


def _say(args: argparse.Namespace, sealed: SealedPack) -> None:
    row = {
        "schema": SCHEMA,
        "id": sealed.pack.id,
        "version": sealed.pack.version,
        "file": str(sealed.path),
        "sha256": sealed.sha256,
        "bytes": sealed.path.stat().st_size,
        "key_id": sealed.key_id,
    }
    if args.json:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    signed = f", signed by {sealed.key_id}" if sealed.key_id else ", not signed"
    print(f"{sealed.pack.id} {sealed.pack.version}: {sealed.path} ({row['bytes']} bytes{signed})")


def _keys(args: argparse.Namespace) -> None:
    from app.core.errors import UsageFault
    from app.inference.pack_signature import key_id_of, new_key, public_key

    folder, settings = _settings(args.data)
    if args.what in ("new", "trust", "forget") and not args.value:
        raise UsageFault(
            f"packs keys {args.what} needs a file or a key.",
            ru=f"Для packs keys {args.what} нужен файл или ключ.",
            hint="Such as: overread packs keys new my-packs.pem",
            hint_ru="Например: overread packs keys new my-packs.pem",
        )
    made = ""
    known = {key_id_of(public_key(key)): key for key in settings.trusted_pack_keys}
    required = settings.require_signed_packs
    match args.what:
        case "new":
            made = new_key(Path(args.value))
        case "trust":
            known[key_id_of(public_key(args.value))] = args.value.strip()
        case "forget":
            if known.pop(args.value, None) is None:
                raise UsageFault(
                    f'There is no trusted key "{args.value}".',
                    ru=f"Доверенного ключа «{args.value}» нет.",
                    hint="overread packs keys list shows their ids.",
                    hint_ru="Их id покажет overread packs keys list.",
                )
        case "require" | "allow":
            required = args.what == "require"
    changed = {"trusted_pack_keys": tuple(known.values()), "require_signed_packs": required}
    if args.what not in ("list", "new"):
        _save(folder, settings, changed)
    row: dict[str, Any] = {
        "schema": KEYS_SCHEMA,
        "require_signed_packs": required,
        "trusted": [{"key_id": key_id, "public_key": key} for key_id, key in known.items()],
    }
    if made:
        row["made"] = {"key_id": key_id_of(public_key(made)), "public_key": made}
    if args.json:
        sys.stdout.write(json.dumps(row) + "\n")
        return
    if made:
        print(f"Private key: {args.value} (keep it to yourself)\nPublic key:  {made}")
        return
    print("Signed packs only." if required else "Packs need no signature.")
    for key_id, key in known.items():
        print(f"{key_id}  {key}")


def _use(args: argparse.Namespace) -> None:
    """One version of a pack is put in use, in the shadow or out of it; a bare id: all of them."""
    from app.cli.packs import open_packs
    from app.config.pack_settings import PackSettings

    store = open_packs(args.data)
    installed = store.get(args.id)
    pack_id, version = installed.pack.id, installed.pack.version if "@" in args.id else ""
    folder, settings = _settings(args.data)
    rest = [p for p in settings.packs if (p.id, p.version) != (pack_id, version)]
    if args.mode == "on" and version:  # one version is named as the one in use
        rest = [p for p in rest if not (p.id == pack_id and p.version and p.mode == "on")]
    if args.mode != "on" or version:
        rest.append(PackSettings(id=pack_id, version=version, mode=args.mode))
    _save(folder, settings, {"packs": tuple(rest)})
    store = open_packs(args.data)
    own = [one for one in store.versions() if one.pack.id == pack_id]
    rows = [
        {"id": pack_id, "version": one.pack.version, "mode": store.mode(one),
         "in_use": store.is_in_use(one)}
        for one in own
    ]  # fmt: skip
    if args.json:
        sys.stdout.write(json.dumps({"schema": "overread.packs/1", "packs": rows}) + "\n")
        return
    for row in rows:
        state = "in use" if row["in_use"] else row["mode"] if row["mode"] != "on" else "not in use"
        print(f"{row['id']} {row['version']}: {state}")


def _settings(data: Path | None) -> tuple[Path, Settings]:
    from app.config.folders import data_folder
    from app.config.settings import load_settings

    folder = data or data_folder()
    return folder, load_settings(folder)


def _save(folder: Path, settings: Settings, changed: dict[str, Any]) -> None:
    from app.config.settings import Settings, save_settings

    save_settings(folder, Settings.model_validate(settings.model_dump() | changed))
