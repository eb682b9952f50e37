"""Mail comes in here: who may send to whom, sealing, and one durable delivery; the only user of `aiosmtpd`.

Pure:

    replies     every refusal, in one table
    policy      who may write to whom: R1 to R4
    matrix      the same as a table to print
    commands    arguments of MAIL and RCPT
    sasl        AUTH, over the mechanisms of `mssante_sim.sasl`
    data        the octets after DATA, piece by piece
    trace       Received and Return-Path
    peers       certificate subjects of the white list

With the world:

    facts       what the directory and the trust domain say of an address
    gate        facts, judged
    postmaster  what Mon espace santé itself sends: failures and receipts
    sealing     one message signed and encrypted
    intake      from a received message to a durable delivery
    house       what all connections share
    connection  the wire under a session
    session     the commands
    server      three listeners, start and stop
"""
