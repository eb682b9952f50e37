"""The command line: the only user of click.

What developers and testers read is English; the groups `patient` and
`pharmacy` speak French, click's own words included (`francais`).
"""
