"""What a mail server sends back, in the shapes that are common."""

from base64 import encodebytes
from collections.abc import Callable
from quopri import encodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_controller.notifications.bounces import Bounce, bounce_in
from halo_controller.notifications.message_ids import Name, Opening

RETURNED = """\
Message-ID: <0000000a@centre.example>
X-Halo-Notification: 0000000a
To: jane@acme.example
Subject: [halo-integrator] acme/people: something is wrong
"""


def report(
    fate: str,
    returned: str = RETURNED,
    *,
    kind: str = "text/rfc822-headers",
    report: str = "delivery-status",
    answers: str = "<nothing@elsewhere.example>",
) -> bytes:
    """A report with these two parts after a text for people."""
    text = f"""\
From: MAILER-DAEMON@mx.acme.example
To: halo@centre.example
Subject: Undelivered Mail Returned to Sender
In-Reply-To: {answers}
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report}; boundary="b"

--b
Content-Type: text/plain

I am sorry to have to tell you that your message was not delivered.

--b
Content-Type: message/{report}

{MESSAGE}
{fate}
--b
Content-Type: {kind}

{returned}
--b--
"""
    return text.replace("\n", "\r\n").encode()


MESSAGE = """\
Reporting-MTA: dns; mx.acme.example
Arrival-Date: Mon, 5 Jan 2026 12:00:00 +0000
"""
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
GLOBAL = """\
Final-Recipient: utf-8; jörg@acme.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 Empfänger unbekannt
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
            "it tells of no delivery that failed or is late",
        ),
        (report(POSTFIX, "Message-ID: <x@elsewhere.example>\n"), "it is about no message of this controller"),
        (b"", "it is no report"),
        (
            b"Content-Type: multipart/report; boundary=x\r\n\r\ntorn",
            "it tells of no delivery that failed or is late",
        ),
    ],
    ids=["an answer by itself", "it was read", "somebody else's", "nothing", "torn"],
)
def test_what_is_no_bounce_of_ours_says_why(raw: bytes, why: str) -> None:
    assert bounce_in(raw) == why


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_good_news_is_neither_a_bounce_nor_a_delay(action: str) -> None:
    said = bounce_in(report(POSTFIX.replace("failed", action)))

    assert said == "it tells of no delivery that failed or is late"


@pytest.mark.parametrize("order", [(DELAYED, EXIM), (EXIM, DELAYED)])
def test_of_several_recipients_the_one_that_failed_counts(order: tuple[str, str]) -> None:
    relayed = POSTFIX.replace("failed", "relayed")

    found = bounce_in(report("\n".join((relayed, *order))))

    assert found == Bounce("0000000a", "jane@acme.example", permanent=True, said="5.0.0")


@pytest.mark.parametrize("kind", ["message/global", "message/global-headers"])
@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("8bit", bytes), ("quoted-printable", encodestring), ("base64", encodebytes)],
    ids=["8bit", "quoted-printable", "base64"],
)
def test_reports_in_utf_8_are_understood_however_they_are_encoded(
    kind: str, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    fate = f"{MESSAGE}\n{GLOBAL}".encode()
    whole = b"\n".join(
        (
            b'Content-Type: multipart/report; report-type=global-delivery-status; boundary="b"\n',
            f"--b\nContent-Type: message/global-delivery-status\nContent-Transfer-Encoding: {encoding}\n".encode(),
            encode(fate),
            f"--b\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n".encode(),
            encode(f"{RETURNED}From: Jörg\n".encode()),
            b"--b--\n",
        )
    )

    assert bounce_in(whole) == Bounce(
        "0000000a", "jörg@acme.example", permanent=True, said="5.1.1 550 Empfänger unbekannt"
    )


def test_an_address_in_utf_8_is_read_where_only_ascii_passed() -> None:
    found = bounce_in(report(GLOBAL.replace("ö", r"\x{F6}\x{D800}\x{1B}").replace("ä", "ae")))

    assert isinstance(found, Bounce)
    assert found.recipient == "jörg@acme.example", "and nothing that cannot be kept or steers a terminal"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("<0000000a@centre.example>", "0000000a"),
        ("<incident.0000000b.jane-doe@centre.example>", Opening("0000000b", "jane-doe")),
        ("<incident.0000000b.jane-doe@elsewhere>", Opening("0000000b", "jane-doe")),
        ("<0000000A@centre.example>", None),
        ("<0000000a.1@centre.example>", None),
        ("<incident.0000000b.Jane@centre.example>", None),
        ("<incident.0000000b.@centre.example>", None),
        ("0000000a", None),
        ("", None),
    ],
)
def test_a_message_is_known_by_its_message_id_alone(name: str, message: Name | None) -> None:
    by_headers = bounce_in(report(POSTFIX, f"Message-ID:\n {name}\n"))
    by_answer = bounce_in(report(POSTFIX, "Subject: x\n", answers=name))

    assert by_headers == by_answer
    assert (by_headers.message if isinstance(by_headers, Bounce) else None) == message


def test_a_header_that_is_no_id_of_ours_names_nothing() -> None:
    nonsense = "X-Halo-Notification: \x00\nMessage-ID: <0000000a@centre.example>\n"

    found = bounce_in(report(POSTFIX, nonsense))

    assert isinstance(found, Bounce)
    assert found.message == "0000000a"


def test_a_talkative_server_is_cut_short() -> None:
    found = bounce_in(report(POSTFIX + "    " + "no " * 1_000 + "\n"))

    assert isinstance(found, Bounce)
    assert len(found.said) <= 500


def test_parts_in_parts_without_end_are_no_report() -> None:
    nested = "".join(f'Content-Type: multipart/report; boundary="{i}"\n\n--{i}\n' for i in range(4_000))

    assert bounce_in(nested.encode()) == "it is no report"


@given(st.binary(max_size=400), st.integers(min_value=0, max_value=900))
def test_rubbish_is_never_an_error(rubbish: bytes, at: int) -> None:
    whole = report(POSTFIX)

    assert isinstance(bounce_in(whole[:at] + rubbish + whole[at:]), Bounce | str)
    assert isinstance(bounce_in(rubbish), str)
