"""Mail comes in here: who may send to whom, sealing, and one durable delivery; the only user of `aiosmtpd`.

replies   every refusal, in one table                        pure
policy    who may write to whom                              pure
matrix    the same as a table to print                       pure
data      the octets after DATA, piece by piece              pure
commands  arguments of MAIL, RCPT and AUTH                   pure
facts     what the directory and the trust domain say of an address
sealing   one message signed and encrypted
intake    from a received message to a durable delivery
session   one connection
server    three listeners, limits, start and stop
"""
