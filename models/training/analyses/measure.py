"""Every figure on the cards of the packs without weights, computed anew.

    python -m models.training.analyses.measure [PACK...] [--shared ../shared]

Phantoms are made in code; where the development data or the demonstration study is needed and not
there, the line says so. Prints Markdown; the cards hold the same lines. Error: found / true - 1.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from models.training.analyses import measure_body, measure_calcium, measure_lungs, measure_nodule

FIGURES: dict[str, Callable[[Path], Iterator[str]]] = {
    "ct-lung-density": measure_lungs.figures,
    "nodule": measure_nodule.figures,
    "ct-calcium": measure_calcium.figures,
    "ct-body": measure_body.figures,
}


def main() -> None:
    """The figures of the packs that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", nargs="*", choices=(*FIGURES, []), metavar="PACK")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    args = parser.parse_args()
    for pack in args.packs or FIGURES:
        print(f"\n## {pack}\n", flush=True)
        begin = time.process_time()
        for line in FIGURES[pack](args.shared / "data" / "studies"):
            print(line, flush=True)
        print(f"\n({time.process_time() - begin:.0f} s of processor time)", flush=True)


if __name__ == "__main__":
    main()
