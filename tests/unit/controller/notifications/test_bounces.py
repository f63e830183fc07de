"""What a mail server sends back, in the shapes that are common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_controller.notifications.bounces import Bounce, bounce_in

RETURNED = """\
Message-ID: <0000000a@centre.example>
X-Halo-Notification: 0000000a
To: jane@acme.example
Subject: [halo-integrator] acme/people: something is wrong
"""


def report(
    fate: str, returned: str = RETURNED, *, kind: str = "text/rfc822-headers", report: str = "delivery-status"
) -> bytes:
    """A report with these two parts after a text for people."""
    text = f"""\
From: MAILER-DAEMON@mx.acme.example
To: halo@centre.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report}; boundary="b"

--b
Content-Type: text/plain

I am sorry to have to tell you that your message was not delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example
Arrival-Date: Mon, 5 Jan 2026 12:00:00 +0000

{fate}
--b
Content-Type: {kind}

{returned}
--b--
"""
    return text.replace("\n", "\r\n").encode()


POSTFIX = """\
Final-Recipient: rfc822; jane@acme.example
Original-Recipient: rfc822;jane@acme.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.acme.example
Diagnostic-Code: smtp; 550 5.1.1 <jane@acme.example>: Recipient address
    rejected: User unknown
"""
EXIM = """\
Action: failed
Final-Recipient: rfc822;jane@acme.example
Status: 5.0.0
"""
EXCHANGE = """\
Final-Recipient: rfc822;jane@acme.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
"""
DELAYED = """\
Final-Recipient: rfc822; jane@acme.example
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; connect to mail.acme.example: Connection timed out
"""


@pytest.mark.parametrize(
    ("raw", "permanent", "said"),
    [
        (
            report(POSTFIX),
            True,
            "5.1.1 550 5.1.1 <jane@acme.example>: Recipient address rejected: User unknown",
        ),
        (report(EXIM, RETURNED + "\nbody\n", kind="message/rfc822"), True, "5.0.0"),
        (
            report(EXCHANGE, RETURNED + "\nbody\n", kind="message/rfc822"),
            True,
            "5.1.10 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
        (report(DELAYED), False, "4.4.1 connect to mail.acme.example: Connection timed out"),
    ],
    ids=["postfix", "exim", "exchange", "delayed"],
)
def test_a_bounce_says_which_message_to_whom_and_why(raw: bytes, permanent: bool, said: str) -> None:
    assert bounce_in(raw) == Bounce("0000000a", "jane@acme.example", permanent, said)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (
            b"Subject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack on Monday.\r\n",
            "it is no report",
        ),
        (
            report("Reporting-UA: reader\n", report="disposition-notification"),
            "it says nothing of a delivery",
        ),
        (report(POSTFIX, "Message-ID: <x@elsewhere.example>\n"), "it is about no message of this controller"),
        (b"", "it is no report"),
        (b"Content-Type: multipart/report; boundary=x\r\n\r\ntorn", "it says nothing of a delivery"),
    ],
    ids=["an answer by itself", "it was read", "somebody else's", "nothing", "torn"],
)
def test_what_is_no_bounce_of_ours_says_why(raw: bytes, why: str) -> None:
    assert bounce_in(raw) == why


def test_a_talkative_server_is_cut_short() -> None:
    found = bounce_in(report(POSTFIX + "    " + "no " * 1_000 + "\n"))

    assert isinstance(found, Bounce)
    assert len(found.said) <= 500


@given(st.binary(max_size=400), st.integers(min_value=0, max_value=900))
def test_rubbish_is_never_an_error(rubbish: bytes, at: int) -> None:
    whole = report(POSTFIX)

    assert isinstance(bounce_in(whole[:at] + rubbish + whole[at:]), Bounce | str)
    assert isinstance(bounce_in(rubbish), str)
