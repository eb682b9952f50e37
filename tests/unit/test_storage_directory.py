"""The row store keeps documents, finds them by lookup and by the beginnings of words."""

import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.storage.errors import HomeTooNew, StoreCorrupt
from mssante_sim.storage.rows import Found, Row
from mssante_sim.storage.sqlite import DirectoryRows
from mssante_sim.storage.sqlite.directory import STEPS


@pytest.fixture
def rows(tmp_path):
    store = DirectoryRows.open(tmp_path)
    yield store
    store.close()


def lilas(text="{}", **changes):
    fields = {
        "lookups": (("siret", "123"),),
        "name_words": ("pharmacie", "lilas"),
        "place_words": ("rennes",),
    }
    return Row(changes.pop("kind", "organisation"), "990000010", text, **{**fields, **changes})


def test_a_document_is_found_by_key_lookup_and_kind(rows):
    rows.put_many([lilas('{"n":1}'), Row("mailbox", "990000010", "m", lookups=(("siret", "123"),))])
    assert rows.get("organisation", "990000010") == '{"n":1}'
    assert rows.get("mailbox", "990000010") == "m"
    assert rows.get("organisation", "1") is None
    assert rows.find("organisation", "siret", "123") == ['{"n":1}']
    assert rows.find("organisation", "siren", "123") == []
    assert rows.all("organisation") == ['{"n":1}']
    assert rows.count("organisation") == 1


def test_putting_again_replaces_text_lookups_and_words_but_not_the_place(rows):
    rows.put_many([lilas("old"), Row("organisation", "2", "second", name_words=("lilas",))])
    rows.put_many([lilas("new", lookups=(("siret", "9"),), name_words=("roses", "lilas"))])
    assert rows.all("organisation") == ["new", "second"]
    assert rows.find("organisation", "siret", "123") == []
    assert rows.find("organisation", "siret", "9") == ["new"]
    assert rows.search("organisation", ["pharm"], [], limit=9) == []
    assert rows.search("organisation", ["lil"], [], limit=9) == ["990000010", "2"]


def test_putting_without_words_takes_the_row_out_of_the_search(rows):
    rows.put_many([lilas()])
    rows.put_many([lilas(name_words=(), place_words=())])
    assert rows.search("organisation", ["lilas"], [], limit=9) == []
    assert rows.search("organisation", [], [], limit=9) == ["990000010"]


def test_deleting_leaves_no_lookup_and_no_word(rows):
    rows.put_many([lilas(), Row("organisation", "2", "second", name_words=("lilas",))])
    rows.delete_many("organisation", ["990000010", "none"])
    assert rows.get("organisation", "990000010") is None
    assert rows.find("organisation", "siret", "123") == []
    assert rows.search("organisation", ["lilas"], [], limit=9) == ["2"]


def test_a_failing_put_stores_nothing_of_its_rows(rows):
    def broken():
        yield lilas()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        rows.put_many(broken())
    assert rows.count("organisation") == 0
    assert rows.search("organisation", ["lilas"], [], limit=9) == []


def test_pages_follow_each_other_without_gap_or_overlap(rows):
    rows.put_many(Row("organisation", str(n), "", name_words=("lilas",)) for n in range(25))
    pages = [rows.search("organisation", ["l"], [], limit=10, offset=at) for at in (0, 10, 20, 30)]
    assert [key for page in pages for key in page] == [str(n) for n in range(25)]


def test_a_scan_goes_on_beyond_a_place_whatever_is_put_or_deleted_meanwhile(rows):
    rows.put_many(Row("organisation", str(n), "t", name_words=("lilas",), updated=n) for n in range(10))
    first = rows.scan("organisation", ["lil"], limit=4)
    assert [(one.key, one.text, one.updated) for one in first] == [(str(n), "t", n) for n in range(4)]
    rows.delete_many("organisation", ["0", "2", "5"])
    rows.put_many(
        [Row("organisation", "new", "", name_words=("lilas",)), Row("mailbox", "x", "", name_words=("lilas",))]
    )
    rest = rows.scan("organisation", ["lil"], after=first[-1].place, limit=99)
    assert [one.key for one in rest] == ["4", "6", "7", "8", "9", "new"]
    assert [one.key for one in rows.scan("organisation", after=first[-1].place, limit=2)] == ["4", "6"]
    assert rows.scan("organisation", ["é"], limit=9) == []


def test_rows_are_found_by_the_beginning_of_a_key_or_of_a_lookup(rows):
    rows.put_many(
        Row("k", key, "", lookups=(("family", name),)) for key, name in (("ab", "dun"), ("abc", "du"), ("b", "e"))
    )
    assert [one.key for one in rows.beginning("k", "ab", limit=9)] == ["ab", "abc"]
    assert [one.key for one in rows.beginning("k", "ab", limit=1)] == ["ab"]
    assert [one.key for one in rows.beginning("k", "du", limit=9, lookup="family")] == ["abc", "ab"]
    assert [one.key for one in rows.look("k", "family", "e")] == ["b"]
    assert rows.one("k", "b") == Found(3, "b", "", 0)
    assert rows.one("k", "c") is None


def test_replacing_kinds_leaves_the_others_alone_and_nothing_of_the_old_rows(rows):
    rows.put_many([lilas(), Row("list", "1", "old", (("of", "a"),), ("old",))])
    rows.replace_kinds(
        ["list", "list-words"], [Row("list", "1", "new", (("of", "b"), ("of", "b"))), lilas(kind="list")]
    )
    assert rows.all("list") == ["new", "{}"]
    assert rows.find("list", "of", "a") == []
    assert rows.find("list", "of", "b") == ["new"]
    assert rows.search("list", ["old"], [], limit=9) == []
    assert (
        rows.search("list", ["lil"], [], limit=9) == rows.search("organisation", ["lil"], [], limit=9) == ["990000010"]
    )


def test_a_replacement_that_fails_leaves_everything_as_it_was(rows, monkeypatch):
    monkeypatch.setattr("mssante_sim.storage.sqlite.directory.BULK_ROWS", 2)
    rows.put_many([Row("list", "1", "old", (("of", "a"),), ("old",))])

    def broken():
        yield from (Row("list", str(n), "new") for n in range(5))
        assert DirectoryRows.open(rows._file.parent).all("list") == ["old"]  # others see nothing yet
        raise RuntimeError

    with pytest.raises(RuntimeError):
        rows.replace_kinds(["list"], broken())
    assert rows.all("list") == ["old"]
    assert rows.search("list", ["old"], [], limit=9) == ["1"]


def test_a_file_of_the_first_version_keeps_its_rows(tmp_path):
    connection = apsw.Connection(str(tmp_path / "directory.db"))
    connection.execute(STEPS[0])
    connection.execute("INSERT INTO document (kind, key, text) VALUES ('k', '1', 'kept')")
    connection.pragma("user_version", 1)
    connection.close()
    store = DirectoryRows.open(tmp_path)
    assert store.one("k", "1") == Found(1, "1", "kept", 0)
    store.close()


def test_a_file_of_the_second_version_keeps_rows_lookups_words_and_order(tmp_path):
    connection = apsw.Connection(str(tmp_path / "directory.db"))
    for step in STEPS[:2]:
        connection.execute(step)
    for number, (kind, key, name, place) in enumerate(
        (
            ("b", "1", "pharmacie lilas", "rennes"),
            ("a", "2", "clinique", ""),
            ("b", "0", "", "lyon 69"),
            ("b", "3", "", ""),
        ),
        1,
    ):
        connection.execute("INSERT INTO document VALUES (?, ?, ?, 't', 7)", (number, kind, key))
        connection.execute("INSERT INTO lookup VALUES (?, 'of', ?, ?)", (kind, key, number))
        if name or place:
            connection.execute("INSERT INTO words (rowid, name, place) VALUES (?, ?, ?)", (number, name, place))
    connection.pragma("user_version", 2)
    connection.close()
    store = DirectoryRows.open(tmp_path)
    assert [one.key for one in store.scan("b", limit=9)] == ["1", "0", "3"]
    assert store.one("a", "2") == Found(1, "2", "t", 7)
    assert [one.key for one in store.look("b", "of", "0")] == ["0"]
    assert store.search("b", ["lil", "pharm"], ["ren"], limit=9) == ["1"]
    assert store.search("b", [], ["69"], limit=9) == ["0"]
    assert [one.key for one in store.scan("b", pieces=["armac"], limit=9)] == ["1"]
    store.put_many([Row("b", "4", "")])
    assert [one.place for one in store.scan("b", limit=9)] == [1, 2, 3, 4]
    store.close()


def test_a_piece_of_a_name_is_found_alone_and_beside_words(rows):
    rows.put_many([lilas(), Row("organisation", "2", "", (), ("lilas", "armada"), ("lyon",))])

    def found(*pieces, place=()):
        return [one.key for one in rows.scan("organisation", (), place, pieces, limit=9)]

    assert found("ila") == found("a") == ["990000010", "2"]
    assert found("armac") == found("ila", "macie") == found("ila", place=["ren"]) == ["990000010"]
    assert found("armac", place=["lyo"]) == found("é") == found("arm*") == []
    rows.put_many([lilas(name_words=("roses",))])
    assert found("armac") == []
    rows.delete_many("organisation", ["2"])
    assert found("arm") == []


@pytest.mark.parametrize("word", ['"', "lil*", "a b", "name:", "", "é", "OR"])
def test_a_query_word_has_no_syntax(rows, word):
    rows.put_many([lilas()])
    assert rows.search("organisation", [word], [], limit=9) == []


WORD = st.text("abc1", min_size=1, max_size=4)
WORDS = st.lists(WORD, max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(entries=st.lists(st.tuples(WORDS, WORDS), max_size=12), name=WORDS, place=WORDS)
def test_search_finds_exactly_the_rows_whose_words_begin_so(tmp_path_factory, entries, name, place):
    store = DirectoryRows.open(tmp_path_factory.mktemp("home"))
    store.put_many(Row("k", str(n), "", name_words=e[0], place_words=e[1]) for n, e in enumerate(entries))

    def matches(words, queries):
        return all(any(word.startswith(query) for word in words) for query in queries)

    expected = [str(n) for n, e in enumerate(entries) if matches(e[0], name) and matches(e[1], place)]
    assert store.search("k", name, place, limit=99) == expected
    store.close()


def test_what_another_process_commits_is_seen_by_the_next_call(rows, tmp_path):
    assert rows.get("k", "1") is None
    program = (
        "import sys, pathlib\n"
        "from mssante_sim.storage.rows import Row\n"
        "from mssante_sim.storage.sqlite import DirectoryRows\n"
        "DirectoryRows.open(pathlib.Path(sys.argv[1])).put_many([Row('k', '1', 'theirs')])\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert rows.get("k", "1") == "theirs"


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
def test_files_are_readable_by_their_owner_only(rows, tmp_path):
    rows.put_many([lilas()])
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "directory.db": 0o600,
        "directory.db-wal": 0o600,
        "directory.db-shm": 0o600,
    }


def test_a_file_of_a_later_version_is_left_alone(tmp_path):
    DirectoryRows.open(tmp_path).close()
    connection = apsw.Connection(str(tmp_path / "directory.db"))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(HomeTooNew, match=r"format 99.*newer"):
        DirectoryRows.open(tmp_path)


def test_a_file_that_is_no_database_is_reported_as_damaged(tmp_path: Path):
    (tmp_path / "directory.db").write_bytes(b"x" * 8192)
    with pytest.raises(StoreCorrupt, match=r"^directory\.db is damaged: .*\.$"):
        DirectoryRows.open(tmp_path)
