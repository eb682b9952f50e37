"""The user's own Thunderbird as a pharmacy's workplace, on a profile made for the occasion.

1. `profile` writes the profile: quiet, on no network but the simulator's, the states of an order as tags.
2. Thunderbird runs once without a window and under remote control (`marionette`), while `setup` gives
   it what only the program itself can write: authority, keys, account, remembered password.
3. It runs again as the user's own program (`launch`), started without any remote control.

The remote control is a port of loopback that asks nobody who they are: it exists
in step 2 only, and takes one connection.
"""
