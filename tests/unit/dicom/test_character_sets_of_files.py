"""D10: names as bytes in files, in every character set of the standard and in none."""

import unicodedata

import pytest

from app.dicom import character_sets
from app.dicom.character_sets import text_of, use_fallback
from app.dicom.files.header_memory import forget
from app.dicom.files.headers import read_dataset
from app.dicom.files.scan import scan
from app.dicom.stacks.grouping import group
from app.dicom.tolerant import quiet
from tests.support.shared_data import shared
from tests.support.synthetic_dicom import write_projection


@pytest.fixture(autouse=True)
def restored():
    """The fallback and what was remembered are those of a fresh start, before and after."""
    forget()
    yield
    use_fallback(character_sets.DEFAULT_FALLBACK)
    forget()


def write_name(path, name: bytes, declared):
    """A film whose PatientName holds exactly these bytes."""
    name += b" " * (len(name) % 2)
    placeholder = "Q" * len(name)

    def change(ds):
        ds.PatientName = placeholder
        if declared is None:
            del ds.SpecificCharacterSet
        else:
            ds.SpecificCharacterSet = declared

    with quiet():
        write_projection(path, change=change)
    whole = path.read_bytes()
    assert placeholder.encode() in whole
    path.write_bytes(whole.replace(placeholder.encode(), name))
    return path


def opened(tmp_path, name, declared):
    path = write_name(tmp_path / "film", name, declared)
    found = scan([path], workspace=tmp_path / "w")
    (study,) = group(found.records)
    by_pydicom = text_of(read_dataset(path), "PatientName").rstrip("^=")
    assert by_pydicom == study.patient.name
    return str(study.patient.name), [w.text for w in study.warnings if w.code == "D10"]


# Bytes of PS3.5 annexes H to K, and of the alphabets by the codecs of Python.
EXAMPLES = [
    ("ISO_IR 100", "Äneas^Rüdiger".encode("latin-1"), "Äneas^Rüdiger"),
    ("ISO_IR 101", "Wałęsa^Łukasz".encode("iso8859-2"), "Wałęsa^Łukasz"),
    ("ISO_IR 109", "Ġużeppi^Ħal".encode("iso8859-3"), "Ġużeppi^Ħal"),
    ("ISO_IR 110", "Kārlis^Ņina".encode("iso8859-4"), "Kārlis^Ņina"),
    ("ISO_IR 144", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
    ("ISO_IR 127", "قباني^لنزار".encode("iso8859-6"), "قباني^لنزار"),
    ("ISO_IR 126", "Διονυσιος".encode("iso8859-7"), "Διονυσιος"),
    ("ISO_IR 138", "שרון^דבורה".encode("iso8859-8"), "שרון^דבורה"),
    ("ISO_IR 148", "Çavuşoğlu^İnci".encode("iso8859-9"), "Çavuşoğlu^İnci"),
    ("ISO_IR 166", "นามสกุล^ชื่อ".encode("tis-620"), "นามสกุล^ชื่อ"),
    ("ISO_IR 203", "Šœurÿ^Ž€".encode("iso8859-15"), "Šœurÿ^Ž€"),
    ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小东".encode(), "Wang^XiaoDong=王^小东"),
    ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    ("GBK", "Wang^XiaoDong=王^小东".encode("gbk"), "Wang^XiaoDong=王^小东"),
    (
        ["", "ISO 2022 IR 87"],
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
        b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        ["", "ISO 2022 IR 149"],
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        ["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东",
    ),
    (
        ["ISO 2022 IR 100", "ISO 2022 IR 144"],
        b"\xc4neas^\x1b-L" + "Иван".encode("iso8859-5"),
        "Äneas^Иван",
    ),
    # The two bytes of a character may be those of "=" and "^": they divide nothing.
    (["", "ISO 2022 IR 87"], b"Haru=\x1b$B=U\x1b(B^\x1b$B=)\x1b(B", "Haru=春^秋"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "raw", "name"), EXAMPLES, ids=lambda v: str(v)[:24])
def test_d10_every_declared_character_set(tmp_path, declared, raw, name):
    assert opened(tmp_path, raw, declared) == (name, [])


@pytest.mark.parametrize("declared", [None, "ISO_IR 6", "", "ISO 2022 IR 6"])
def test_d10_nothing_declared(tmp_path, declared):
    assert opened(tmp_path, "Müller^Jörg".encode(), declared) == ("Müller^Jörg", [])
    forget()
    name, told = opened(tmp_path, "Müller^Jörg".encode("latin-1"), declared)
    assert name == "Müller^Jörg"
    assert told == [
        "texts of the header do not declare their character set; read as iso8859-1: "
        "names may be wrong"
    ]


@pytest.mark.parametrize("declared", [None, "ISO_IR 192", "ISO 9999"])
def test_d10_the_configured_fallback_reads_the_local_code_page(tmp_path, declared):
    use_fallback("cp1251")
    name, told = opened(tmp_path, "Иванов^Иван".encode("cp1251"), declared)
    assert name == "Иванов^Иван"
    assert "read as cp1251" in told[0]


@pytest.mark.parametrize("declared", ["ISO_IR 100", "ISO_IR 144"])
def test_d10_utf8_that_declares_something_else(tmp_path, declared):
    name, told = opened(tmp_path, "Иванов^Иван".encode(), declared)
    assert name == "Иванов^Иван"
    assert told == [
        "texts of the header declare another character set but are UTF-8; read as UTF-8"
    ]


def test_d10_escapes_that_nobody_declared(tmp_path):
    name, told = opened(tmp_path, b"Yamada=\x1b$B;3ED\x1b(B", None)
    assert name == "Yamada=山田"
    assert "without declaring them" in told[0]


def test_d10_a_broken_text_is_never_silent(tmp_path):
    name, told = opened(tmp_path, b"Wang=\x81\x00\xff", "GB18030")
    assert "\ufffd" in name
    assert "letters are missing" in told[0]


def test_d10_a_single_byte_name_is_not_taken_for_utf8(tmp_path):
    # "УА" in ISO 8859-5 is a valid pair of UTF-8 as well.
    assert opened(tmp_path, "УА^Ян".encode("iso8859-5"), "ISO_IR 144") == ("УА^Ян", [])


def test_d10_an_item_of_a_sequence_inherits_the_character_set(tmp_path):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    def nested(ds):
        ds.SpecificCharacterSet = "ISO_IR 144"
        item = Dataset()
        item.CodeMeaning = "Печень"
        ds.ProcedureCodeSequence = Sequence([item])

    path = write_projection(tmp_path / "film", change=nested)
    (item,) = read_dataset(path).ProcedureCodeSequence
    assert text_of(item, "CodeMeaning") == "Печень"


def test_an_unknown_fallback_is_refused():
    with pytest.raises(LookupError):
        use_fallback("cp99999")


CORPUS = {
    "chrArab": "قباني^لنزار",
    "chrFren": "Buc^Jérôme",
    "chrGerm": "Äneas^Rüdiger",
    "chrGreek": "Διονυσιος",
    "chrH31": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "chrH32": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "chrHbrw": "שרון^דבורה",
    "chrI2": "Hong^Gildong=洪^吉洞=홍^길동",
    "chrRuss": "Люкceмбypг",
    "chrX1": "Wang^XiaoDong=王^小東",
    "chrX2": "Wang^XiaoDong=王^小东",
}


def test_d10_the_files_of_the_corpus(tmp_path):
    import zipfile

    with zipfile.ZipFile(shared("data/dicom-corpus/pydicom.zip")) as archive:
        for name in archive.namelist():
            if "charset_files" in name:
                archive.extract(name, tmp_path)
    folder = next(tmp_path.rglob("charset_files"))
    for stem, expected in CORPUS.items():
        (record,) = scan([folder / f"{stem}.dcm"], workspace=tmp_path / "w").records
        assert unicodedata.normalize("NFC", record.patient.name) == expected
        assert record.doubts == ()
