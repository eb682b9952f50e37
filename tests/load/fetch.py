"""A client that fetches a large folder over and over, in a process of its own: ``python -m tests.load.fetch``.

The target comes as JSON on stdin; the last recipient's INBOX is filled first
if it is not.  Prints ``ready`` when the first FETCH is under way, then one line
with its duration after each; ends when its standard input does.
"""

import json
import sys
import threading

from tests.load.mail import Mails
from tests.load.raw_imap import FETCH_LINE, Letter, RawImap
from tests.load.targets import Target

__all__: list[str] = []


def _main() -> None:
    order = json.loads(sys.stdin.readline())
    target = Target.from_json(order["target"])
    client, mails = RawImap(target, target.recipients[-1]), Mails(2000)
    missing = range(order["messages"] - client.messages("INBOX"))
    client.append("INBOX", [Letter(mails.make("a@load.test", "b@load.test", str(number))) for number in missing])
    client.ask("SELECT INBOX")
    ended = threading.Event()

    def until_told() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=until_told, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not ended.is_set():
        sys.stdout.write(f"{client.timed(FETCH_LINE):.3f}\n")


if __name__ == "__main__":
    _main()
