"""Encodings that nobody named: detected, told how surely, and never taken for another in silence."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import only_json
from hypothesis import given, strategies as st

from textforge import DataError, PluginManager
from textforge_standard.commands import init
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.csv_reader import read_separated
from textforge_standard.datasets.encodings import detect
from textforge_standard.datasets.fasttext import fasttext
from textforge_standard.datasets.jsonl import jsonl

WORDS = {
    "ru": "новости спорт мяч игра победа команда футбол космос ракета луна звезда полёт орбита сегодня хорошо планета",
    "ja": "今日 は とても 良い 天気 です 試合 野球 宇宙 ロケット 月 星 選手 勝利 チーム 映画 素晴らしい 面白い",
    "zh": "今天 天气 很 好 比赛 足球 宇宙 火箭 月亮 星星 球员 胜利 电影 酒店 房间 干净 服务 很差",
    "zh_tw": "今天 天氣 很 好 比賽 足球 宇宙 火箭 月亮 星星 球員 勝利 電影 酒店 房間 乾淨 服務 很差",
    "ko": "오늘 날씨 정말 좋다 경기 야구 우주 로켓 달 별 선수 승리 영화 호텔 방 깨끗하다 서비스 나쁘다",
    "el": "σήμερα ο καιρός είναι πολύ καλός αγώνας ποδόσφαιρο διάστημα πύραυλος φεγγάρι αστέρι παίκτης νίκη ομάδα",
    "pl": "dzisiaj pogoda piękna mecz piłka nożna kosmos rakieta księżyc gwiazda drużyna źródło żółty świetny ścieżka",
    "de": "heute ist das Wetter sehr schön Spiel Fußball Weltraum Rakete Mond Stern für über Größe Straße mögen",
    "fr": "le temps est très beau match espace fusée étoile équipe victoire cinéma déjà où ça français élève",
    "tr": "bugün hava çok güzel maç futbol uzay roket ay yıldız oyuncu zafer takım için değil şehir ğ ışık",
    "he": "היום מזג האוויר יפה מאוד משחק כדורגל חלל טיל ירח כוכב שחקן ניצחון קבוצה",
    "ar": "اليوم الطقس جميل جدا مباراة كرة القدم الفضاء صاروخ القمر نجمة لاعب فوز فريق",
    "th": "วันนี้ อากาศ ดี มาก การแข่งขัน ฟุตบอล อวกาศ จรวด ดวงจันทร์ ดาว นักกีฬา ชัยชนะ",
}
ENCODINGS = {
    "ru": [
        "cp1251",
        "koi8-r",
        "cp866",
        "iso8859-5",
        "utf-16-le",
        "utf-16-be",
        "utf-32-le",
        "utf-16",
        "utf-32",
        "utf-8",
    ],
    "ja": ["shift_jis", "cp932", "euc_jp", "iso2022_jp", "utf-16-le", "utf-16-be", "utf-8-sig"],
    "zh": ["gb18030", "gbk", "gb2312", "utf-16-be"],
    "zh_tw": ["big5"],
    "ko": ["euc_kr", "cp949"],
    "el": ["cp1253", "iso8859-7"],
    "pl": ["iso8859-2", "cp1250"],
    "de": ["cp1252", "latin-1"],
    "fr": ["cp1252", "latin-1"],
    "tr": ["cp1254", "iso8859-9"],
    "he": ["cp1255"],
    "ar": ["cp1256"],
    "th": ["tis_620"],
}
CASES = [(language, encoding) for language, encodings in ENCODINGS.items() for encoding in encodings]


def table(language, rows=60, seed=0):
    """A table of two classes, and their names."""
    rng, words = random.Random(seed), WORDS[language].split()
    labels = words[:2]
    lines = [f"{' '.join(rng.choices(words, k=rng.randint(4, 10)))},{labels[n % 2]}" for n in range(rows)]
    return "\n".join(["text,label", *lines, ""]), labels


@pytest.mark.parametrize("rows", [60, 3_000])
@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_table_is_decoded_as_it_was_written(language, encoding, rows):
    text, _ = table(language, rows)
    data = text.encode(encoding)
    found = detect(data)
    assert data.decode(found.name).removeprefix("\ufeff") == data.decode(encoding), found.name


@pytest.mark.parametrize(("language", "encoding"), [case for case in CASES if not case[1].startswith("utf-8")])
def test_init_names_the_encoding_and_says_how_sure_it_is(tmp_path, language, encoding):
    text, labels = table(language)
    (tmp_path / "d.csv").write_bytes(text.encode(encoding))
    done = CliRunner().invoke(
        init.command, [str(tmp_path / "d.csv"), "-o", str(tmp_path / "d.yaml"), "--json"], catch_exceptions=False
    )
    told = only_json(done.stdout)
    named = told["dataset"]["encoding"]
    assert set(csv_files(0, train=tmp_path / "d.csv", encoding=named).train[1]) == set(labels)
    (remark,) = [one for one in told["remarks"] if named in one]
    assert remark.startswith(f"It is read as {named}: ") and remark.endswith(".")
    written = (tmp_path / "d.yaml").read_text()
    assert f"encoding: {named}" in written and remark.partition(": ")[2].rstrip(".") in written


def test_how_sure_it_is_depends_on_the_bytes():
    sure = detect(table("ru")[0].encode("cp1251"))
    assert (
        sure.sure and "look like cp1251 (Cyrillic letters), and no other common encoding fits as well" in sure.how_sure
    )
    unsure = detect(table("tr")[0].encode("cp1254"))
    assert not unsure.sure and ", but it could be cp125" in unsure.how_sure
    assert unsure.how_sure.endswith(": check whether the letters are right")
    few = detect("text,label\ncafé,x\n".encode("cp1252"))
    assert (few.name, few.sure) == ("cp1252", False) and "only 1 of its bytes" in few.how_sure


def test_a_run_on_a_file_that_is_not_utf_8_offers_the_encoding(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(table("ru")[0].encode("cp1251"))
    with pytest.raises(DataError, match=r"line 2: byte 0x.. is not utf-8\. .* dataset\.encoding: cp1251\. .*Cyrillic"):
        csv_files(0, train=path)
    path.write_bytes(table("ru")[0].encode("utf-16-le"))
    with pytest.raises(DataError, match=r"line 1: a NUL byte\. .* dataset\.encoding: utf-16-le\. "):
        csv_files(0, train=path)


def test_no_option_is_advised_where_a_dataset_has_none(tmp_path):
    path = tmp_path / "d.jsonl"
    row = json.dumps({"text": "сегодня хорошо играет команда", "label": "спорт"}, ensure_ascii=False) + "\n"
    for encoding, part in (("cp1251", "Save the file as UTF-8. "), ("utf-16", "It begins with the BOM of UTF-16.")):
        path.write_bytes((row * 9).encode(encoding))
        with pytest.raises(DataError, match="is not utf-8") as told:
            jsonl(0, train=path)
        assert part in str(told.value) and "dataset.encoding" not in str(told.value)


def test_utf_8_with_a_broken_byte_is_not_taken_for_another_encoding(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(table("fr")[0].encode() + b"caf\xe9,x\n")
    assert detect(path.read_bytes()) is None
    for call in (lambda: csv_files(0, train=path), lambda: csv_files.look_at(path)):
        with pytest.raises(DataError, match=r"line 62: byte 0xe9 is not utf-8"):
            call()


@given(st.text())
def test_any_utf_8_is_utf_8(text):
    data = text.encode()
    if "\0" not in text and "\x1b" not in text and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert detect(data).name == "utf-8"


@given(st.binary(max_size=200))
def test_what_is_detected_decodes_every_byte(data):
    if (found := detect(data)) is not None:
        data.decode(found.name)


@given(
    st.binary(max_size=60), st.binary(max_size=60), st.sampled_from(["utf-8", "cp1251", "koi8-r", "cp1252", "cp949"])
)
def test_different_bytes_never_become_the_same_text(tmp_path_factory, one, other, encoding):
    found = []
    for data in (one, other):
        path = tmp_path_factory.getbasetemp() / "bytes.csv"
        path.write_bytes(b"text\n" + b"".join(byte for byte in (bytes([b]) for b in data) if byte not in b'\r\n,"'))
        try:
            found.append((path.read_bytes(), read_separated(path, {"text": "text"}, encoding=encoding).columns["text"]))
        except DataError:
            return
    assert (found[0][0] == found[1][0]) == (found[0][1] == found[1][1])


def test_folders_and_fasttext_files_are_detected_alike(tmp_path):
    text, labels = table("ru")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    for number, (words, label) in enumerate(rows):
        place = tmp_path / "d" / ("good" if label == labels[0] else "bad")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_bytes(words.encode("koi8-r"))
    found = PluginManager().component("dataset", "folder").factory.look_at(tmp_path / "d")
    assert found["options"]["encoding"] == "koi8-r" and "Cyrillic" in found["why"]["encoding"]
    assert "read as koi8-r" in found["remarks"][0]
    path = tmp_path / "d.txt"
    path.write_bytes("".join(f"__label__{label} {words}\n" for words, label in rows).encode("koi8-r"))
    found = fasttext.look_at(path)
    assert found["options"] == {"train": path, "encoding": "koi8-r"} and "read as koi8-r" in found["remarks"][0]
    assert set(fasttext(0, **found["options"]).train[1]) == set(labels)


def test_the_detector_is_imported_only_where_it_is_needed(tmp_path):
    (tmp_path / "d.csv").write_text("text,label\nred,x\ngrün,y\n", encoding="utf-8")
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from textforge_standard.datasets.csv_files import csv_files\n"
        f"csv_files(0, train=Path({json.dumps(str(tmp_path / 'd.csv'))}), test_fraction=0.0)\n"
        "assert 'charset_normalizer' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
