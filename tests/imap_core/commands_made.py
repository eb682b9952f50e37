"""Strategies that make every command, in every form the types allow."""

import string as ascii_sets
from datetime import date, datetime, timedelta, timezone
from functools import partial
from unicodedata import normalize

from hypothesis import strategies as st

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core import search_keys as k
from mssante_sim.imap.core.arguments import Resync, SearchReturn, SortCriterion, SortKey, ThreadAlgorithm
from mssante_sim.imap.core.fetch_items import BinarySection, BodySection, MessageItem, SectionText
from mssante_sim.imap.core.sequence import STAR, SavedResult, SequenceSet
from mssante_sim.storage.api import FlagMode

ATOM_CHARS = ascii_sets.ascii_letters + ascii_sets.digits + "!#$&',-./:;<=>?@^_`|}~"

tags = st.text(ATOM_CHARS + "]", min_size=1, max_size=8)
atoms = st.text(ATOM_CHARS + "+", min_size=1, max_size=12)
words = atoms.map(str.upper).filter(lambda word: word.isascii())
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
any_names = st.text(st.characters(codec="utf-8"), max_size=20).map(partial(normalize, "NFC"))
names = any_names.map(lambda name: "INBOX" if name.upper() == "INBOX" else name)
numbers = st.integers(1, 4_294_967_295) | st.just(STAR)
sets = st.builds(
    SequenceSet,
    st.lists(st.tuples(numbers, numbers) | numbers.map(lambda n: (n, n)), min_size=1, max_size=6).map(tuple),
)
targets = sets | st.just(SavedResult())
plain_sets = st.builds(
    SequenceSet,
    st.lists(st.tuples(st.integers(1, 4_294_967_295), st.integers(1, 4_294_967_295)), min_size=1, max_size=4).map(
        tuple
    ),
)
modseqs = st.integers(0, 2**63 - 1)
samples = plain_sets.map(lambda numbers: (numbers, SequenceSet(numbers.ranges[::-1])))
"""Message numbers and UIDs, as many of these as of those."""
resyncs = st.builds(
    Resync,
    st.integers(1, 4_294_967_295),
    modseqs,
    st.none() | plain_sets,
    st.none() | samples,
)
system_flags = st.sampled_from(["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"])
flag_sets = st.frozensets(system_flags | atoms, max_size=5)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones).map(  # noqa: DTZ001 - bounds are naive
    lambda moment: moment.replace(microsecond=0)
)
days = st.dates(date(1, 1, 1))
field_names = st.text([chr(octet) for octet in range(0x21, 0x7F) if octet != 0x3A], min_size=1, max_size=12)

simple_keys = st.one_of(
    st.just(k.Always()),
    st.builds(k.HasFlag, system_flags | st.just("\\Recent") | atoms),
    st.builds(k.HeaderHas, texts, texts),
    st.builds(k.BodyHas, texts),
    st.builds(k.TextHas, texts),
    st.builds(k.ReceivedDate, st.sampled_from(k.DateTest), days),
    st.builds(k.SentDate, st.sampled_from(k.DateTest), days),
    st.builds(k.Larger, st.integers(0, 2**63 - 1)),
    st.builds(k.Smaller, st.integers(0, 2**63 - 1)),
    st.builds(k.IsNumbered, targets),
    st.builds(k.HasUid, targets),
    st.builds(k.ModifiedSince, modseqs),
    st.builds(k.Older, st.integers(1, 4_294_967_295)),
    st.builds(k.Younger, st.integers(1, 4_294_967_295)),
    st.builds(k.SavedDate, st.sampled_from(k.DateTest), days),
    st.builds(k.HasEmailId, st.text(ascii_sets.ascii_letters + ascii_sets.digits + "_-", min_size=1, max_size=255)),
)
search_keys = st.recursive(
    simple_keys,
    lambda inner: st.one_of(
        st.builds(k.And, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(k.Or, inner, inner),
        st.builds(k.Not, inner),
    ),
    max_leaves=8,
)

parts = st.lists(st.integers(1, 4_294_967_295), max_size=4).map(tuple)
partials = st.none() | st.tuples(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1))


def sections() -> st.SearchStrategy[BodySection]:
    plain = st.sampled_from([None, SectionText.HEADER, SectionText.TEXT])
    with_fields = st.sampled_from([SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT])
    some_names = st.lists(field_names, min_size=1, max_size=4).map(tuple)
    return st.one_of(
        st.builds(BodySection, parts, plain, partial=partials, peek=st.booleans()),
        st.builds(BodySection, parts, with_fields, some_names, partials, st.booleans()),
        st.builds(BodySection, parts.filter(bool), st.just(SectionText.MIME), partial=partials, peek=st.booleans()),
        st.sampled_from(
            [
                BodySection(older_name="RFC822"),
                BodySection(text=SectionText.HEADER, peek=True, older_name="RFC822.HEADER"),
                BodySection(text=SectionText.TEXT, older_name="RFC822.TEXT"),
            ]
        ),
    )


binaries = st.builds(BinarySection, parts, partials, st.booleans()) | st.builds(
    BinarySection, parts, peek=st.just(value=True), size=st.just(value=True)
)
items = st.lists(st.sampled_from(MessageItem) | sections() | binaries, min_size=1, max_size=5, unique=True).map(tuple)
uploads = st.builds(c.Upload, st.binary(max_size=60), flag_sets, st.none() | moments)
id_fields = st.lists(st.tuples(texts, st.none() | texts), max_size=3).map(tuple)


status_items = st.lists(st.sampled_from(c.StatusItem), min_size=1, unique=True).map(tuple)


@st.composite
def fetches(draw: st.DrawFn) -> c.Fetch:
    by_uid = draw(st.booleans())
    since = draw(st.none() | modseqs)
    vanished = since is not None and by_uid and draw(st.booleans())
    return c.Fetch(draw(tags), draw(targets), draw(items), by_uid, since, vanished)


@st.composite
def lists(draw: st.DrawFn) -> c.List:
    patterns = draw(st.lists(names_or_patterns, min_size=1, max_size=3).map(tuple))
    selection = draw(st.frozensets(st.sampled_from(c.ListSelection)))
    if c.ListSelection.RECURSIVE_MATCH in selection:
        selection |= {c.ListSelection.SUBSCRIBED}
    returns = draw(st.frozensets(st.sampled_from(c.ListReturn)))
    status = draw(st.just(()) | status_items)
    extended = bool(selection or returns or status or len(patterns) > 1) or draw(st.booleans())
    return c.List(draw(tags), draw(any_names), patterns, selection, returns, extended, status)


names_or_patterns = any_names | st.sampled_from(["*", "%", "", "Archive/%", "inbox"])

commands = st.one_of(
    st.sampled_from(
        [c.Capability, c.Noop, c.Logout, c.StartTls, c.Namespace, c.Idle, c.Check, c.Close, c.Unselect, c.Expunge]
    ).flatmap(lambda kind: st.builds(kind, tags)),
    st.builds(c.Id, tags, id_fields),
    st.builds(c.Authenticate, tags, words, st.none() | st.binary(max_size=40)),
    st.builds(c.Login, tags, texts, texts),
    st.builds(c.Enable, tags, st.lists(words, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Select, tags, names, st.booleans(), st.booleans(), st.none() | resyncs),
    st.builds(c.Create, tags, names, st.sampled_from([(), ("\\Sent",), ("\\Sent", "\\Trash")])),
    st.sampled_from([c.Delete, c.Subscribe, c.Unsubscribe, c.GetQuotaRoot]).flatmap(
        lambda kind: st.builds(kind, tags, names)
    ),
    st.builds(c.Rename, tags, names, names),
    lists(),
    st.builds(c.Lsub, tags, any_names, names_or_patterns),
    st.builds(c.Status, tags, names, status_items),
    st.builds(c.Append, tags, names, st.lists(uploads, min_size=1, max_size=3).map(tuple)),
    st.builds(c.GetQuota, tags, texts),
    st.builds(c.SetQuota, tags, texts, st.lists(st.tuples(words, st.integers(0, 2**63 - 1)), max_size=3).map(tuple)),
    st.builds(c.Expunge, tags, targets),
    st.builds(
        c.Search, tags, search_keys, st.booleans(), st.none() | st.frozensets(st.sampled_from(SearchReturn), min_size=1)
    ),
    st.builds(
        c.Sort,
        tags,
        st.lists(
            st.builds(SortCriterion, st.sampled_from(SortKey), st.booleans()),
            min_size=1,
            unique_by=lambda one: one.key,
        ).map(tuple),
        search_keys,
        st.booleans(),
    ),
    st.builds(c.Thread, tags, st.sampled_from(ThreadAlgorithm), search_keys, st.booleans()),
    fetches(),
    st.builds(
        c.StoreFlags,
        tags,
        targets,
        st.sampled_from(FlagMode),
        flag_sets,
        st.booleans(),
        st.booleans(),
        st.none() | modseqs,
    ),
    st.builds(c.CopyMessages, tags, targets, names, st.booleans()),
    st.builds(c.MoveMessages, tags, targets, names, st.booleans()),
)
