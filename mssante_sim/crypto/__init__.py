"""Certificates, CMS, S/MIME and TLS: the only user of `cryptography`.

CMS is written by hand over the library's primitives: its own `pkcs7` module
cannot verify, and its S/MIME encoder costs 20-29 ms a megabyte.
"""
