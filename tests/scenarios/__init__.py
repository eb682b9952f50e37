"""Scenario scripts: what one, two or three IMAP clients do, see and must not see.

A script (``*.imap``) runs against any server a transport exists for: Dovecot,
our server over TLS, our protocol core without sockets.  The format::

    # The first line says the rule.
    needs: two clients, inbox with 3 messages
    dovecot: no, why it cannot hold there

    message note                            a message of our own; its lines stand indented
        Subject: note

        Hello

    <1  UID STORE 1 +FLAGS (\\Deleted)       => OK  sees 1 FETCH (FLAGS (\\Deleted))
    <2  FETCH 2 FLAGS                       => OK  never ? EXPUNGE      [RFC 9051 §7.5.1]
    <1  APPEND INBOX {note}                 => OK [APPENDUID ? ?uid]
        sees 4 EXISTS
    <1  IDLE                                => +
    mail> Second message
    1>  5 EXISTS
    <1  DONE                                => OK

``needs:`` items: ``one|two|three client(s)``; ``not logged in``, ``logged in``
or (else) INBOX selected; ``inbox empty``, ``inbox with 3 messages`` or ``inbox
with note and other``.  Commas separate.

``<n text => STATUS``: client n sends text (a tag is added, unless it answers a
``+``) and its tagged reply is STATUS, perhaps with a code; ``=> +``: the server
asks for more; ``=> gone``: it hangs up.  ``<n& text``: goes out in one write
with the next line of that client.  ``{note}`` sends a synchronising literal,
``{note+}`` a LITERAL+.

``sees P``: one untagged response of this command matches P, each ``sees`` another
one; order is free.  ``never P``: none does.  They follow ``=>`` after two spaces or
stand on lines of their own.  ``dovecot STATUS`` is what Dovecot answers instead;
``differences.tsv`` says why that does not bind us.  ``n> P``: client n is told P without asking.
``mail> subject``: a message is delivered to the account's INBOX from outside.

Patterns are responses without the ``* ``: ``?`` is any one thing, ``...`` any
rest, ``?name`` keeps what it matched, ``$name`` is that value again (in commands
too).  ``$3`` is the number that message 3 has *now* for this client, counted as
when it selected (later arrivals go on counting).  Flags and SEARCH results have
no order; FETCH and STATUS may show more than is asked for; ``\\Recent`` is
overlooked unless named; words are compared without case, strings exactly.

Whatever the script says, `tests.scenarios.client` also holds every server to
rules that must never break.
"""
