"""Certificates and messages with one thing wrong, by name, each with what a correct client must make of it.

A product for vendors of mail software, not a part of the service: nothing that
serves mail imports it. What is made here is meant to be refused.
"""
