"""The mailbox that the clients are set up for, seen through a client of our own."""

from mssante_sim.testing import Mssante

__all__ = ["Mailbox"]


class Mailbox:
    """The pharmacy's, INBOX open."""

    def __init__(self, mssante: Mssante) -> None:
        self._imap = mssante.imap("pharmacy")

    def store(self, *messages: bytes, flags: str = "", folder: str = "INBOX") -> None:
        """APPEND, each octet as it is: imaplib's own method would end bare lines."""
        for octets in messages:
            self._imap.literal = octets
            assert self._imap.xatom("APPEND", folder, f"({flags})")[0] == "OK"

    def create(self, folder: str) -> None:
        """There is such a folder."""
        assert self._imap.create(folder)[0] == "OK"

    def flag(self, number: int, flag: str) -> None:
        """The message has `flag` too."""
        assert self._imap.store(str(number), "+FLAGS", f"({flag})")[0] == "OK"

    def flags(self, number: int) -> set[str]:
        """Those that the message has now."""
        self._imap.noop()
        self._imap.response("FETCH")  # what NOOP told is taken away
        (answer,) = self._imap.fetch(str(number), "(FLAGS)")[1]
        return set(answer.decode().partition("FLAGS (")[2].rstrip(")").split()) - {"\\Recent"}

    def remove(self, number: int) -> None:
        """The message is gone."""
        self.flag(number, "\\Deleted")
        assert self._imap.expunge()[0] == "OK"

    def stored(self, folder: str = "INBOX") -> list[bytes]:
        """Every message, as it is stored."""
        assert self._imap.select(folder)[0] == "OK"
        answer = self._imap.fetch("1:*", "(BODY.PEEK[])")[1]
        return [part[1] for part in answer if isinstance(part, tuple)]

    def modseq(self) -> int:
        """HIGHESTMODSEQ of INBOX."""
        (answer,) = self._imap.status("INBOX", "(HIGHESTMODSEQ)")[1]
        return int(answer.decode().partition("HIGHESTMODSEQ ")[2].rstrip(")"))
