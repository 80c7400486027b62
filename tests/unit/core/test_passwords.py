"""A password fits its hash, and no other does."""

from __future__ import annotations

import unicodedata

import pytest

from app.core.passwords import STANDARD, Cost, hash_password, matches

CHEAP = Cost(4)


def test_a_hash_fits_its_password_only() -> None:
    stored = hash_password("a good sentence", cost=CHEAP)
    assert stored.startswith("scrypt$4$8$1$")
    assert "sentence" not in stored
    assert matches("a good sentence", stored)
    assert not matches("a good sentence ", stored)
    assert not matches("", stored)


def test_equal_passwords_have_different_hashes() -> None:
    assert hash_password("one", cost=CHEAP) != hash_password("one", cost=CHEAP)


def test_the_same_characters_are_the_same_password() -> None:
    stored = hash_password(unicodedata.normalize("NFC", "пароль й"), cost=CHEAP)
    assert matches(unicodedata.normalize("NFD", "пароль й"), stored)


def test_the_standard_is_memory_hard() -> None:
    assert STANDARD.memory_bytes >= 32 << 20
    assert (STANDARD.log_n, STANDARD.r, STANDARD.p) == (15, 8, 3)
    assert matches("x", hash_password("x"))


@pytest.mark.parametrize(
    "damaged",
    ["", "scrypt", "plain$4$8$1$AA==$AA==", "scrypt$40$8$1$AA==$AA==", "scrypt$a$8$1$AA==$AA==",
     "scrypt$4$8$1$AA==$%%"],
)  # fmt: skip
def test_a_damaged_hash_fits_nothing(damaged: str) -> None:
    assert not matches("x", damaged)
