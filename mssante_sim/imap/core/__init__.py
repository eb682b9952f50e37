"""IMAP without input and output; `session.ImapSession` is the way in [RFC 3501, RFC 9051]."""
