#!/bin/sh
# Installs the packaged program for all users (as root) or for one user, and proves that it works.
#
#   installer/linux/install.sh [FOLDER OF THE BUILT PROGRAM]      default: dist/overread
#   installer/linux/install.sh --remove
set -eu

if [ "$(id -u)" -eq 0 ]; then
  target=/opt/overread commands=/usr/local/bin entries=/usr/local/share/applications
else
  target="$HOME/.local/opt/overread" commands="$HOME/.local/bin"
  entries="$HOME/.local/share/applications"
fi

if [ "${1:-}" = "--remove" ]; then
  rm -rf "$target" "$commands/overread" "$entries/overread.desktop"
  echo "Overread was removed. The library of each user stays where it is."
  exit 0
fi

program="${1:-dist/overread}"
if [ ! -x "$program/overread" ]; then
  echo "There is no built program in $program. Build it first: python3 dev.py package" >&2
  exit 3
fi

"$program/overread" self-test

mkdir -p "$(dirname "$target")" "$commands" "$entries"
rm -rf "$target.new"
cp -a "$program" "$target.new"
rm -rf "$target"
mv "$target.new" "$target"
ln -sf "$target/overread" "$commands/overread"
cat > "$entries/overread.desktop" <<ENTRY
[Desktop Entry]
Type=Application
Name=Overread
Comment=Reading workstation
Comment[ru]=Рабочая станция рентгенолога
Exec=$target/overread %F
MimeType=application/dicom;
Categories=MedicalSoftware;Science;
Terminal=false
ENTRY
echo "Overread was installed to $target; start it with: overread"
