"""All figures on reading and checking reports by one command, as Markdown tables.

``python -m benchmarks.report [--bench FOLDER] [--out FILE]``

Without ``--bench`` the benchmarks are looked for beside the repository (``../shared/bench``); what
is not there is left out and named. Runs for some minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path(__file__).resolve().parents[1]
CHECK: Final = f"{sys.executable} -m app check --jsonl"
EXTRACT: Final = f"{sys.executable} -m app extract --jsonl - --json"
_COLD_RUNS: Final = 5
Row = dict[str, Any]


def _run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    return done.stdout


def check_figures(bench: Path) -> str:
    """Sensitivity and false alerts per class and language on the injected errors."""
    folder = bench / "report_check"
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "figures.json"
        cases = [part for name in ("ru", "en")
                 for part in ("--cases", str(folder / f"cases.{name}.dev.jsonl"))]  # fmt: skip
        _run(str(folder / "score.py"), *cases, "--command", CHECK, "--json", str(out),
             "--no-targets")  # fmt: skip
        figures = json.loads(out.read_text(encoding="utf-8"))
    lines = [
        "| class | en n | en found | en false | ru n | ru found | ru false |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(figures["en"]["classes"]):
        cells = []
        for language in ("en", "ru"):
            row = figures[language]["classes"].get(name, {})
            cells += [
                str(row.get("n", "")), f"{row.get('sensitivity', 0):.3f}",
                f"{row.get('false_alert_rate', 0):.3f}",
            ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for language in ("en", "ru"):
        part = figures[language]
        lines.append(
            f"\n{language}: {part['clean']} clean reports, {part['mutated']} with one error; per "
            f"clean report {part['hard_per_clean']:.3f} blocking and "
            f"{part['visible_per_clean']:.3f} visible alerts."
        )
    return "\n".join(lines)


def text_figures(bench: Path) -> str:
    """Extraction: OpenI labels, NegEx negation, Russian sentences."""
    folder = bench / "report_text"
    parts = []
    for task, spec, more in (
        ("openi", "labels", ("--uncertain", "absent")),
        ("openi", "labels", ()),
        ("negex", "assertion", ()),
    ):
        shown = _run(
            str(folder / "score.py"), "--data", str(folder), "--task", task, "--callable",
            f"benchmarks.report_text:{spec}", "--path", str(CHECKOUT), *more,
        )  # fmt: skip
        parts.append(f"**{task}**\n\n```\n{_whole(shown)}\n```")
    shown = _run(
        str(folder / "score_extract.py"), "--task", "ru", "--data",
        str(folder / "ru_extract.dev.jsonl"), "--command", EXTRACT,
    )  # fmt: skip
    parts.append(f"**ru**\n\n```\n{_tail(shown, 14)}\n```")
    return "\n\n".join(parts)


def _whole(text: str) -> str:
    """The lines that speak of all labels together."""
    kept = ("MICRO", "negex", "uncertain", "openi")
    return "\n".join(line.rstrip() for line in text.splitlines() if any(k in line for k in kept))


def _tail(text: str, lines: int) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines()[-lines:])


def blind_figures() -> str:
    """Our own benchmark on texts that the check was not written on, both halves."""
    return _run("-m", "benchmarks.report_blind.score").strip()


def speed_figures(bench: Path) -> str:
    """Processor time per report in one process, cold start and memory of a fresh one."""
    rows: list[tuple[str, Row]] = []
    for language in ("en", "ru"):
        path = bench / "report_check" / f"cases.{language}.dev.jsonl"
        rows += [(language, json.loads(line)) for line in path.open(encoding="utf-8")]
    lines = ["| language | processor time per report, median | p95 | most |", "|---|---|---|---|"]
    for language in ("en", "ru"):
        took = sorted(_seconds(row for name, row in rows if name == language))
        lines.append(
            f"| {language} | {1e3 * statistics.median(took):.1f} ms | "
            f"{1e3 * took[int(0.95 * len(took))]:.1f} ms | {1e3 * took[-1]:.1f} ms |"
        )
    starts = sorted(_cold(rows[0][1]) for _ in range(_COLD_RUNS))
    seconds, megabytes = starts[len(starts) // 2]
    lines.append(
        f"\nCold start of `overread check --jsonl` to the first answer, processor time, median of "
        f"{_COLD_RUNS}: {seconds:.2f} s; most memory of that process: {megabytes:.0f} MB."
    )
    return "\n".join(lines)


def _seconds(rows: Iterable[Row]) -> list[float]:
    from app.core.findings_json import findings_from_json
    from app.reporting.check import check
    from app.reporting.facts_json import study_facts_from_json

    took = []
    for number, row in enumerate(rows):
        findings, facts = findings_from_json(row["findings"]), study_facts_from_json(row["study"])
        if number == 0:
            check(row["report"], findings, facts, row["lang"])  # loads the lexicon
        before = time.process_time()
        check(row["report"], findings, facts, row["lang"])
        took.append(time.process_time() - before)
    return took


_MEASURED = """
import resource, runpy, sys
sys.argv = ["app", "check", "--jsonl"]
try:
    runpy.run_module("app", run_name="__main__")
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
sys.stderr.write(f"FIGURES {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}")
"""


def _cold(row: Row) -> tuple[float, float]:
    sent = {key: row[key] for key in ("id", "lang", "report", "findings", "study")}
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED], cwd=CHECKOUT, input=json.dumps(sent) + "\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, megabytes = done.stderr.rsplit("FIGURES", 1)[1].split()
    return float(seconds), float(megabytes)


def main() -> int:
    """Print (or write) the tables; 0 always: targets are the scorers' business."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--bench", type=Path, default=CHECKOUT.parent / "shared" / "bench")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--part", choices=("check", "text", "blind", "speed"), default=None)
    args = parser.parse_args()
    there = (args.bench / "report_check" / "score.py").is_file()
    parts = {
        "check": ("Injected errors, development part", lambda: check_figures(args.bench), there),
        "text": ("Reading, development parts", lambda: text_figures(args.bench), there),
        "blind": ("Texts that nobody tuned on", blind_figures, True),
        "speed": ("Time and memory", lambda: speed_figures(args.bench), there),
    }
    made = [f"{dt.datetime.now(dt.UTC):%Y-%m-%d, %H:%M} UTC, CPython {platform.python_version()}"]
    for key, (title, figures, is_there) in parts.items():
        if args.part in (None, key):
            body = figures() if is_there else "The benchmark is not on this machine."
            made.append(f"### {title}\n\n{body}")
    text = "\n\n".join(made) + "\n"
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
