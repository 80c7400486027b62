"""Spell check of the open report: whose names are no errors, the words of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.config.folders import resources_folder
from app.config.settings import save_settings
from app.config.site_words import add_site_word, site_words
from app.reporting.spelling.speller import Speller, load_speller, name_words

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession


def speller_of(context: AppContext) -> Speller:
    """The dictionaries with the words of this site; for a worker (about half a second).

    Raises ``EnvironmentFault`` where a list cannot be read.
    """
    speller = load_speller(resources_folder())
    speller.set_site_words(site_words(context.store.folder))
    return speller


def add_word(context: AppContext, speller: Speller, word: str) -> None:
    """Add ``word`` to the dictionary of the site; raises ``EnvironmentFault``."""
    speller.set_site_words(add_site_word(context.store.folder, word))


def set_spell_check(context: AppContext, on: bool) -> None:
    """Check spelling or not; the settings remember it. Raises ``EnvironmentFault``."""
    context.settings = context.settings.model_copy(update={"spell_check": on})
    save_settings(context.store.folder, context.settings)


def names_in(session: StudySession) -> frozenset[str]:
    """The names of the study's header and of this place. Patient data: never to be logged."""
    settings, study = session.context.settings, session.study
    letterhead = settings.report.letterhead
    people = [str(shown.patient.name) for shown in (study, *session.priors)]
    people += [str(shown.referring_physician) for shown in (study, *session.priors)]
    return name_words(
        *people, session.context.user, settings.user, settings.organisation,
        letterhead.name, letterhead.name_ru, *letterhead.address, *letterhead.address_ru,
    )  # fmt: skip
