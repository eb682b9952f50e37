"""What runs on the user's side of the wire: no server, no store is known here.

A client knows a stack by its run file (`running`) and talks to it by SMTP,
IMAP and HTTP like any other.  Only user of aioimaplib (the licence of the
whole follows from it) and httpx; submission uses the standard smtplib, whose
DATA can report progress.
"""
