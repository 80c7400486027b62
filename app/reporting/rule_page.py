"""The page on the rules of the check, made from the rules themselves, in both languages."""

from __future__ import annotations

import json
from typing import Final

from app.core.report import Language, Message
from app.reporting.alert_policy import HARD_SHOWN, REMEMBERED_AFTER, SOFT_SHOWN, WINDOW
from app.reporting.rule_catalogue import Example, RuleText, rule_texts

_SEVERITIES: Final = {
    "block": Message("blocks", "блокирует"), "warn": Message("warns", "предупреждает"),
    "note": Message("note", "примечание"),
}  # fmt: skip
_WORDS: Final = {
    "title": Message("The rules of the report check", "Правила проверки заключения"),
    "made": Message(
        "Made by `overread check page --lang en`; a test keeps it current and runs every example.",
        "Создано командой `overread check page --lang ru`; тест следит за актуальностью и "
        "выполняет каждый пример.",
    ),
    "how": Message(
        "A rule **blocks** (it must be corrected or overridden with a reason before signing), "
        "**warns** (in the list), or leaves a **note** (folded away). The same text, findings and "
        "study always give the same result, without network and without a model. Every alert names "
        "its rule, the words in the text, the finding and the reason, and can be let stand with a "
        "reason from a short list.",
        "Правило **блокирует** подпись (нужно исправить или указать причину), **предупреждает** "
        "(в списке) или оставляет **примечание** (свёрнуто). Один и тот же текст, находки и "
        "исследование всегда дают один и тот же результат, без сети и без модели. Каждое "
        "срабатывание называет правило, слова в тексте, находку и причину; его можно оставить, "
        "выбрав причину из короткого списка.",
    ),
    "budget": Message(
        f"At most {HARD_SHOWN} blocking alerts and {SOFT_SHOWN} warnings are shown at once; the "
        "next move up as these are settled. A rule of which more than 80 % of the last "
        f"{WINDOW} alerts were overridden becomes a note by itself, and the administrator is told. "
        f"A warning whose words were dismissed as an error of the check in {REMEMBERED_AFTER} "
        "studies, and never led to a correction, becomes a note; a block never does. Both can be "
        "taken back: `overread check rules`, `overread check dismissals`.",
        f"Одновременно показано не больше {HARD_SHOWN} блокирующих срабатываний и {SOFT_SHOWN} "
        "предупреждений; следующие появляются по мере разбора. Правило, у которого отклонено "
        f"больше 80 % из последних {WINDOW} срабатываний, само становится примечанием, о чём "
        f"сообщается администратору. Предупреждение, слова которого в {REMEMBERED_AFTER} "
        "исследованиях отклонены как ошибка проверки и ни разу не привели к правке, тоже "
        "становится примечанием; "
        "блокировка — никогда. И то и другое можно отменить: `overread check rules`, `overread "
        "check dismissals`.",
    ),
    "why": Message("Why", "Зачем"),
    "guard": Message("Guard", "Защита от ложных срабатываний"),
    "fix": Message("Fix", "Исправление"),
    "fires": Message("It speaks here", "Срабатывает"),
    "quiet": Message("It keeps quiet here", "Молчит"),
    "findings": Message("Findings", "Находки"),
    "study": Message("Study", "Исследование"),
    "rule": Message("Rule", "Правило"),
    "does": Message("Severity", "Действие"),
    "finds": Message("What it finds", "Что находит"),
}


def rule_page(language: Language) -> str:
    """The page as Markdown; the same rules give the same bytes."""
    parts = [f"# {_word('title', language)}", _word("made", language)]
    parts += [_word("how", language), _word("budget", language), _table(language)]
    parts += [_chapter(item, language) for item in rule_texts()]
    return "\n\n".join(parts) + "\n"


def _word(key: str, language: Language) -> str:
    return _WORDS[key].text(language)


def _severity(item: RuleText, language: Language) -> str:
    names = [_SEVERITIES[name].text(language) for name in item.severity.split(", ")]
    return ", ".join(names)


def _table(language: Language) -> str:
    heads = (_word("rule", language), _word("does", language), _word("finds", language))
    rows = [f"| {' | '.join(heads)} |", "|---|---|---|"]
    rows += [
        f"| [{item.rule}](#{item.rule}) | {_severity(item, language)} | "
        f"{item.what.text(language)} |"
        for item in rule_texts()
    ]
    return "\n".join(rows)


def _chapter(item: RuleText, language: Language) -> str:
    lines = [
        f"## {item.rule}",
        "",
        f"*{_severity(item, language)}.* {item.what.text(language)}",
        "",
        f"**{_word('why', language)}.** {item.why.text(language)}",
        "",
        f"**{_word('guard', language)}.** {item.guard.text(language)}",
    ]
    if item.fix is not None:
        lines += ["", f"**{_word('fix', language)}.** {item.fix.text(language)}"]
    lines += ["", f"**{_word('fires', language)}:**", "", *_shown(item.fires(language), language)]
    quiet = item.keeps_quiet(language)
    lines += ["", f"**{_word('quiet', language)}:**", "", *_shown(quiet, language)]
    return "\n".join(lines)


def _shown(example: Example, language: Language) -> list[str]:
    lines = [f"> {line}  " for line in example.text.rstrip("\n").split("\n")]
    if example.names:
        lines.append(f"> *{_word('findings', language)}: {'; '.join(example.names)}*  ")
    if example.given:
        facts = ", ".join(
            f"`{key}` {json.dumps(value, ensure_ascii=False)}"
            for key, value in example.given.items()
        )
        lines.append(f"> *{_word('study', language)}: {facts}*  ")
    lines[-1] = lines[-1].rstrip()
    return lines
