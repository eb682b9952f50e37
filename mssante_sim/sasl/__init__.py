"""SASL, the server's half, for IMAP and SMTP alike; nothing here waits, and nothing knows which protocol carries it.

    claims      what an exchange ends in, and why one does not
    exchange    the table of mechanisms; PLAIN, LOGIN and EXTERNAL
    scram       SCRAM-SHA-256 and -PLUS
    bearer      XOAUTH2 and OAUTHBEARER
    party       what the server contributes to the exchanges with one client

A driver asks `exchange.begin` for an exchange, hands it what the client answers, decoded, and gets challenges until
there is a claim, which only `directory.doorkeeper` can judge.
"""
