"""The client's side of the wire for tests: octets to events, and commands to octets."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import singledispatch

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core import search_keys as k
from mssante_sim.imap.core.arguments import Resync
from mssante_sim.imap.core.fetch_items import BinarySection, BodySection, FetchItem
from mssante_sim.imap.core.framing import CommandFramer, ContinuationNeeded, Event, Frame
from mssante_sim.imap.core.limits import FrameLimits
from mssante_sim.imap.core.utf7 import encode_name
from mssante_sim.storage.api import FlagMode

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


# octets to events


def events(chunks: Iterable[bytes], limits: FrameLimits | None = None, *, logged_in: bool = True) -> list[Event]:
    """What a framer says to `chunks`, asked after each."""
    framer = CommandFramer(limits or FrameLimits())
    framer.logged_in = logged_in
    found: list[Event] = []
    for chunk in chunks:
        framer.feed(chunk)
        while (event := framer.next()) is not None:
            found.append(event)
    return found


def every_split(octets: bytes) -> Iterator[list[bytes]]:
    """`octets` whole, octet by octet, and cut in two at each place."""
    yield [octets]
    yield [octets[at : at + 1] for at in range(len(octets))]
    for at in range(1, len(octets)):
        yield [octets[:at], octets[at:]]


def frame(octets: bytes) -> Frame:
    """The only frame in `octets`; a client that waits gets its `+`."""
    (found,) = (event for event in events([octets]) if not isinstance(event, ContinuationNeeded))
    assert isinstance(found, Frame), found
    return found


# commands to octets


def string(octets: bytes) -> bytes:
    """Quoted where that is allowed to 7-bit clients, else a literal."""
    if all(0x20 <= octet < 0x7F for octet in octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d+}\r\n%s" % (len(octets), octets)


def text(value: str) -> bytes:
    return string(value.encode())


def mailbox(name: str) -> bytes:
    return string(encode_name(name))


def group(words: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(words) + b")"


def flags(values: Iterable[str]) -> bytes:
    return group(flag.encode() for flag in sorted(values))


def date_time(moment: datetime) -> bytes:
    offset = moment.utcoffset()
    assert offset is not None
    minutes = offset.total_seconds() // 60
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(int(minutes)), 60)
    month = MONTHS[moment.month - 1]
    return (
        f'"{moment.day:2d}-{month}-{moment.year:04d} '
        f'{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {sign}{hours:02d}{rest:02d}"'
    ).encode()


def day(value: date) -> bytes:
    return f"{value.day}-{MONTHS[value.month - 1]}-{value.year:04d}".encode()


def written(command: c.Command) -> bytes:
    """`command` as one client could send it."""
    uid = b"UID " if getattr(command, "by_uid", False) else b""
    return b"%s %s%s\r\n" % (command.tag.encode(), uid, arguments(command))


@singledispatch
def arguments(command: c.Command) -> bytes:
    return type(command).__name__.upper().encode()


@arguments.register
def _(command: c.Id) -> bytes:
    if not command.fields:
        return b"ID NIL"
    pairs = (text(key) + b" " + (b"NIL" if value is None else text(value)) for key, value in command.fields)
    return b"ID " + group(pairs)


@arguments.register
def _(command: c.Login) -> bytes:
    return b"LOGIN %s %s" % (text(command.user), text(command.password))


@arguments.register
def _(command: c.Enable) -> bytes:
    return b"ENABLE " + " ".join(command.capabilities).encode()


@arguments.register
def _(command: c.Select) -> bytes:
    words = [b"EXAMINE" if command.read_only else b"SELECT", mailbox(command.mailbox)]
    params = [b"CONDSTORE"] if command.condstore else []
    if command.resync is not None:
        params.append(b"QRESYNC " + resync(command.resync))
    return b" ".join([*words, group(params)] if params else words)


def resync(known: Resync) -> bytes:
    words = [b"%d" % known.uidvalidity, b"%d" % known.modseq]
    if known.uids is not None:
        words.append(str(known.uids).encode())
    if known.sample is not None:
        words.append(group(str(one).encode() for one in known.sample))
    return group(words)


@arguments.register(c.Delete)
@arguments.register(c.Subscribe)
@arguments.register(c.Unsubscribe)
@arguments.register(c.GetQuotaRoot)
def _(command: c.Delete | c.Subscribe | c.Unsubscribe | c.GetQuotaRoot) -> bytes:
    return b"%s %s" % (type(command).__name__.upper().encode(), mailbox(command.mailbox))


@arguments.register
def _(command: c.Create) -> bytes:
    uses = b" (USE %s)" % group(use.encode() for use in command.special_uses) if command.special_uses else b""
    return b"CREATE %s%s" % (mailbox(command.mailbox), uses)


@arguments.register
def _(command: c.Rename) -> bytes:
    return b"RENAME %s %s" % (mailbox(command.old), mailbox(command.new))


@arguments.register
def _(command: c.List) -> bytes:
    words = [b"LIST"]
    if command.selection:
        words.append(group(option.value.encode() for option in command.selection))
    words.append(mailbox(command.reference))
    patterns = [mailbox(pattern) for pattern in command.patterns]
    words.append(group(patterns) if len(patterns) > 1 else patterns[0])
    options = [option.value.encode() for option in command.returns]
    if command.status:
        options.append(b"STATUS " + group(item.value.encode() for item in command.status))
    if options or (command.extended and len(patterns) == 1 and not command.selection):
        words += [b"RETURN", group(options)]
    return b" ".join(words)


@arguments.register
def _(command: c.Lsub) -> bytes:
    return b"LSUB %s %s" % (mailbox(command.reference), mailbox(command.pattern))


@arguments.register
def _(command: c.Status) -> bytes:
    return b"STATUS %s %s" % (mailbox(command.mailbox), group(item.value.encode() for item in command.items))


@arguments.register
def _(command: c.Append) -> bytes:
    return b" ".join([b"APPEND", mailbox(command.mailbox), *map(upload, command.uploads)])


def upload(one: c.Upload) -> bytes:
    words = [flags(one.flags)] if one.flags else []
    if one.date is not None:
        words.append(date_time(one.date))
    kind = b"~" if b"\0" in one.octets else b""
    return b" ".join([*words, b"%b{%d+}\r\n%b" % (kind, len(one.octets), one.octets)])


@arguments.register
def _(command: c.GetQuota) -> bytes:
    return b"GETQUOTA " + text(command.root)


@arguments.register
def _(command: c.SetQuota) -> bytes:
    limits = group(f"{resource} {limit}".encode() for resource, limit in command.limits)
    return b"SETQUOTA %s %s" % (text(command.root), limits)


@arguments.register
def _(command: c.Expunge) -> bytes:
    return b"EXPUNGE" if command.uids is None else f"EXPUNGE {command.uids}".encode()


@arguments.register
def _(command: c.Search) -> bytes:
    returns = b"" if command.returns is None else b"RETURN %b " % group(one.value.encode() for one in command.returns)
    return b"SEARCH " + returns + program(command.key)


@arguments.register
def _(command: c.Sort) -> bytes:
    criteria = (b"REVERSE " * one.reverse + one.key.value.encode() for one in command.criteria)
    return b"SORT %b UTF-8 %b" % (group(criteria), program(command.key))


@arguments.register
def _(command: c.Thread) -> bytes:
    return b"THREAD %b US-ASCII %b" % (command.algorithm.value.encode(), program(command.key))


def program(key: k.SearchKey) -> bytes:
    return b" ".join(map(search_key, key.keys)) if isinstance(key, k.And) else search_key(key)


@arguments.register
def _(command: c.Fetch) -> bytes:
    words = [b"FETCH", str(command.targets).encode(), group(map(fetch_item, command.items))]
    if command.changed_since is not None:
        modifiers = [b"CHANGEDSINCE %d" % command.changed_since, *([b"VANISHED"] if command.vanished else [])]
        words.append(group(modifiers))
    return b" ".join(words)


@arguments.register
def _(command: c.StoreFlags) -> bytes:
    sign = {FlagMode.ADD: b"+", FlagMode.REMOVE: b"-", FlagMode.REPLACE: b""}[command.mode]
    silent = b".SILENT" if command.silent else b""
    limit = b"" if command.unchanged_since is None else b"(UNCHANGEDSINCE %d) " % command.unchanged_since
    return b"STORE %s %s%sFLAGS%s %s" % (str(command.targets).encode(), limit, sign, silent, flags(command.flags))


@arguments.register(c.CopyMessages)
@arguments.register(c.MoveMessages)
def _(command: c.CopyMessages | c.MoveMessages) -> bytes:
    word = b"COPY" if isinstance(command, c.CopyMessages) else b"MOVE"
    return b"%s %s %s" % (word, str(command.targets).encode(), mailbox(command.mailbox))


@arguments.register
def _(command: c.Authenticate) -> bytes:
    initial = b"" if command.initial is None else b" " + (b64encode(command.initial) or b"=")
    return b"AUTHENTICATE %s%s" % (command.mechanism.encode(), initial)


def fetch_item(item: FetchItem) -> bytes:
    if isinstance(item, BinarySection):
        return item.label.partition("<")[0].replace("BINARY[", "BINARY.PEEK[" if item.peek else "BINARY[").encode() + (
            b"" if item.partial is None else b"<%d.%d>" % item.partial
        )
    if not isinstance(item, BodySection):
        return item.value.encode()
    if item.older_name is not None:
        return item.older_name.encode()
    partial = "" if item.partial is None else f"<{item.partial[0]}.{item.partial[1]}>"
    section = ".".join([*map(str, item.part), *([item.text.value] if item.text else [])]).encode()
    fields = b" " + group(text(name) for name in item.fields) if item.fields else b""
    return b"BODY%s[%s%s]%s" % (b".PEEK" if item.peek else b"", section, fields, partial.encode())


def search_key(key: k.SearchKey) -> bytes:
    match key:
        case k.Always():
            return b"ALL"
        case k.And(keys):
            return group(map(search_key, keys))
        case k.Or(left, right):
            return b"OR %s %s" % (search_key(left), search_key(right))
        case k.Not(inner):
            return b"NOT " + search_key(inner)
        case k.HasFlag(flag) if flag.startswith("\\"):
            return flag[1:].upper().encode()
        case k.HasFlag(flag):
            return b"KEYWORD " + flag.encode()
        case k.HeaderHas(name, value):
            return b"HEADER %s %s" % (text(name), text(value))
        case k.BodyHas(value):
            return b"BODY " + text(value)
        case k.TextHas(value):
            return b"TEXT " + text(value)
        case k.ReceivedDate(test, value):
            return test.value.encode() + b" " + day(value)
        case k.SentDate(test, value):
            return b"SENT" + test.value.encode() + b" " + day(value)
        case k.Larger(octets):
            return b"LARGER %d" % octets
        case k.Smaller(octets):
            return b"SMALLER %d" % octets
        case k.IsNumbered(numbers):
            return str(numbers).encode()
        case k.HasUid(uids):
            return f"UID {uids}".encode()
        case k.ModifiedSince(modseq):
            return b"MODSEQ %d" % modseq
        case k.Older(seconds):
            return b"OLDER %d" % seconds
        case k.Younger(seconds):
            return b"YOUNGER %d" % seconds
        case k.SavedDate(test, value):
            return b"SAVED" + test.value.encode() + b" " + day(value)
        case k.HasEmailId(identity):
            return b"EMAILID " + identity.encode()
