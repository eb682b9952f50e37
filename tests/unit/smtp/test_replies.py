import re

import pytest

from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import REFUSALS, Refusal, french, word_in

ROWS = [pytest.param(row, id=row.word) for row in REFUSALS.values()]


@pytest.mark.parametrize("row", ROWS)
def test_a_reply_line_is_ascii_short_and_says_code_enhanced_code_word_sentence(row: Refusal):
    line = row.line("0123456789abcdef")
    assert line.isascii()
    assert len(line) + 2 <= replies.REPLY_LINE_OCTETS
    assert re.fullmatch(r"[45]\d\d [45]\.\d\.\d{1,2} [a-z][a-z-]+: [A-Z].*\. \(incident \w+\)", line)


@pytest.mark.parametrize("row", ROWS)
def test_code_and_enhanced_code_agree_on_whether_it_may_pass_later(row: Refusal):
    assert str(row.code)[0] == row.enhanced[0]  # [RFC 2034 §4]
    assert row.passing == (row.code < 500)


@pytest.mark.parametrize("row", ROWS)
def test_the_word_can_be_read_back_from_the_line(row: Refusal):
    assert word_in(row.line()) == row.word
    assert word_in(row.line()[4:]) == row.word  # as mail libraries hand it over, code apart


def test_every_constant_has_its_own_word():
    constants = [value for value in vars(replies).values() if isinstance(value, Refusal)]
    assert len(constants) == len(REFUSALS)


def test_every_french_sentence_belongs_to_a_word_of_the_table():
    assert set(replies._FRENCH) <= set(REFUSALS)


@pytest.mark.parametrize("word", ["unknown-mailbox", "not-pharmacy", "too-big", "certificate-expired"])
def test_a_patient_reads_a_sentence_of_its_own(word: str):
    assert french(word) != french("unknown-command")


@pytest.mark.parametrize("line", ["250 2.1.5 fine: Go on.", "550 5.7.1 invented-word: No.", "550 no", ""])
def test_lines_of_others_have_no_word(line: str):
    assert word_in(line) is None
