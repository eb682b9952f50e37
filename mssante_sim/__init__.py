"""A whole MSSanté trust space on one machine: fictitious data, real protocols.

The floors, from the ground up; an import points down, never up:

    errors clock config audit     error root, the only wall clock, frozen settings, traces
    message                       pure MIME: parts with octet offsets, fields, composing
    crypto                        certificates, CMS, S/MIME, TLS: the only user of `cryptography`
    storage                       one contract for mail and directory rows; the SQLite engine
    directory                     identifiers, pharmacies, search, FHIR façade
    patient                       Mon espace santé, server side
    smtp, imap                    the two protocols; they never import each other
    clients                       what runs on the user's side of the wire
    provision                     a home from nothing: seed, certificates, logins
    stack                         the only module that knows every service
    cli, pytest_plugin            how people and tests reach it

`setup.cfg` holds the same picture as import-linter contracts.
"""

__version__ = "0.1.0"
