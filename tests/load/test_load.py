"""The load generators measure what they say: nothing is lost, nothing counted twice."""

import os
import re
import subprocess
import sys
from email import message_from_bytes

import pytest

from tests.load import bench
from tests.load.figures import percentile, table
from tests.load.mail import Mails
from tests.load.pace import PaceJob
from tests.load.probes import notification, submission
from tests.load.submit import SubmitJob
from tests.load.systems import postfix_and_dovecot
from tests.load.targets import Target, resident_kib
from tests.load.watch import WatchJob
from tests.peers.postfix import needs_root


@pytest.mark.parametrize("octets", [20_000, 1_000_000])
def test_a_mail_has_the_size_that_was_asked_and_a_readable_attachment(octets):
    content = Mails(octets).make("a@x.test", "b@x.test", "token")
    assert len(content) == pytest.approx(octets, rel=0.01)
    _, attachment = message_from_bytes(content).get_payload()
    assert len(attachment.get_payload(decode=True)) > octets * 0.7
    assert b"\r\n." not in content
    assert content.count(b"\n") == content.count(b"\r\n")


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1), (0.991, 100)])
def test_a_percentile_is_one_of_the_values_by_nearest_rank(share, value):
    assert percentile(reversed(range(1, 101)), share) == value


def test_a_percentile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_table_is_markdown():
    assert table(("a", "b"), [("x", 1)]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_memory_of_this_process_is_more_than_an_interpreter_and_less_than_the_machine():
    assert 5_000 < resident_kib(os.getpid()) < 4_000_000


@needs_root
@pytest.mark.interop
@pytest.mark.slow
def test_every_message_is_answered_delivered_and_announced():
    with postfix_and_dovecot() as target:
        assert Target.from_json(target.to_json()) == target
        got = submission(target, SubmitJob(connections=3, messages=20, octets=5000))
        assert len(got.latencies_s) == 20
        assert 0 < got.accepted_s <= got.delivered_s
        watched = WatchJob(clients=4, mailboxes=2, grace_s=60.0)
        seen = notification(target, watched, PaceJob(10, 2000, 50.0, mailboxes=2), beside_fetch_of=20)
        assert seen.lost == 0
        assert len(seen.delays_s) == 20  # two clients watch each mailbox, five messages come to each
        assert seen.kib_each > 1


@needs_root
@pytest.mark.interop
@pytest.mark.slow
def test_every_imap_command_is_measured_on_both_systems_whatever_the_size(capsys):
    bench.main(["imap", "--scale", "0.003"])
    tables = [[line.split(" | ") for line in each.splitlines()[2:]] for each in capsys.readouterr().out.split("\n\n")]
    idling, commands, growth = tables[2:]
    assert [(row[0], row[1]) for row in idling] == [
        (f"| {system}", count) for count in ("3", "15") for system in ("Postfix+Dovecot", "mssante-sim (sealed)")
    ]
    assert {row[-1] for row in idling[1::2]} == {"0 |"}  # nothing of ours was lost
    assert len(commands) == 11
    assert all(float(cell) > 0 for row in commands for cell in row[1:4])
    assert len(growth) == 2 * 9
    assert all(float(cell) > 0 for row in growth for cell in row[2:5])


@needs_root
@pytest.mark.interop
@pytest.mark.slow
def test_a_refused_message_stops_the_measurement():
    with postfix_and_dovecot() as target:
        wrong = Target.from_json(target.to_json().replace(target.senders[0].password, "wrong"))
        with pytest.raises(RuntimeError, match="submit failed"):
            submission(wrong, SubmitJob(connections=1, messages=1, octets=1000))


@pytest.mark.slow
def test_cryptography_is_measured_whatever_the_size():
    command = [sys.executable, "-m", "tests.load.bench_crypto", "--scale", "0.01"]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    costs, large = ([line.split(" | ") for line in each.splitlines()[2:]] for each in printed.split("\n\n"))
    works = ["| sealing", "| opening", "| verifying"]
    assert [row[0] for row in costs] == 2 * works
    assert all(float(best) <= float(median) for row in costs for best, median in (row[2:4], row[4:6]))
    assert [row[0] for row in large] == works
    assert all(float(row[4]) > 0.25 for row in large)  # a message of 250 kB is held at least once


@pytest.mark.slow
def test_the_directory_is_measured_whatever_its_size():
    command = [sys.executable, "-m", "tests.load.bench_directory", "--lines", "2000"]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line.split("|")[1].strip() for line in printed.splitlines()[5:7]] == [
        "organisations",
        "picker: name and town",
    ]
    rows = [line.split("|") for line in printed.splitlines()[2:]]
    assert len(rows) == 13
    assert all(re.search(r"[1-9]", measured) for _, _, measured, _, _ in rows)
