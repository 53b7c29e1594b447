"""Mail to a real server over a socket: taken, refused, put off, slow, gone, encrypted."""

import datetime as dt
import email
import email.policy
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from dcim.config import Settings
from dcim.outbox.channels import Attachment, OptOut, Outgoing, UndeliveredError
from dcim.outbox.mail import MailChannel, quote_lines
from tests.agents.certificates import serve_with, write_certificate
from tests.agents.mail_server import MailServer, serve_mail

PDF = b"%PDF-1.7\r\n.\r\n..\n.dots\r\n" + bytes(range(256)) * 40
BEGAN = dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC)
TIMEOUT_S = 1


@pytest.fixture
def server() -> Iterator[MailServer]:
    with serve_mail(MailServer()) as made:
        yield made


@pytest.fixture
def mail_settings(tmp_path: Path) -> Settings:
    from dcim.config import EncryptionKeys

    return Settings(
        data=tmp_path,
        secret_key="x",
        encryption=EncryptionKeys("k1", {"k1": bytes(range(32))}),
        smtp_host="127.0.0.1",
        smtp_security="none",
        smtp_timeout_s=TIMEOUT_S,
        mail_from="statements@idc.example.com",
        operator_name="示例云港",
    )


# As long as ours are: a header that is folded or encoded is no address any more.
OUT = "https://portal.customers.example.com/unsubscribe/123456-incident.interruption-" + "k" * 43


def find_opt_out(message: Outgoing) -> OptOut:
    return OptOut(f"退订：{OUT}", OUT)


@pytest.fixture
def channel(server: MailServer, mail_settings: Settings) -> Callable[..., MailChannel]:
    def make(**changes: Any) -> MailChannel:
        return MailChannel(
            replace(mail_settings, smtp_port=server.port, **changes),
            lambda message: Attachment("SLA-1.pdf", PDF),
            find_opt_out,
        )

    return make


def outgoing(recipient: str = "li@customer.example.com", **changes: Any) -> Outgoing:
    made = Outgoing(
        id=1, attempt=1, channel="mail", event="statement.issued", recipient=recipient,
        customer_id=None, statement_id=1, endpoint_id=None, title="【示例云港】2026-10 月度对账单",
        text="客户1：\n\n应付合计：CNY 3,000.00\n.一行以点开头\n", attach=True, payload=None,
        delivery_id="0f0f", created_at=BEGAN,
    )  # fmt: skip
    return replace(made, **changes)


def refused(channel: MailChannel, message: Outgoing | None = None) -> UndeliveredError:
    with pytest.raises(UndeliveredError) as failed:
        channel.deliver(message or outgoing())
    return failed.value


def parse(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_what_arrives(server: MailServer, channel: Callable[..., MailChannel]) -> None:
    channel().deliver(outgoing())
    channel().deliver(outgoing(attempt=2))
    first, second = server.taken
    assert (first.sender, first.recipient) == (
        "statements@idc.example.com", "li@customer.example.com",
    )  # fmt: skip
    mail = parse(first.content)
    assert mail["Subject"] == "【示例云港】2026-10 月度对账单"
    assert mail["From"] == "示例云港 <statements@idc.example.com>"
    assert mail["To"] == "li@customer.example.com"
    assert mail["Message-ID"] == "<0f0f@idc.example.com>"
    assert mail["Date"].datetime == BEGAN
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == outgoing().text
    [attached] = mail.iter_attachments()
    assert attached.get_filename() == "SLA-1.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == PDF
    # A second try is known for the same mail.
    assert parse(second.content)["Message-ID"] == mail["Message-ID"]
    assert parse(second.content)["Date"] == mail["Date"]
    # What servers without extensions take: seven bits, lines of at most 998.
    assert first.content.isascii()
    assert max(map(len, first.content.split(b"\r\n"))) <= 998


def test_without_an_attachment(server: MailServer, channel: Callable[..., MailChannel]) -> None:
    channel().deliver(outgoing(attach=False))
    assert list(parse(server.taken[0].content).iter_attachments()) == []


@pytest.mark.parametrize(
    ("stage", "answer", "fault", "final"),
    [
        ("li@customer.example.com", "450 greylisted", "put_off", False),
        ("li@customer.example.com", "550 no such user", "refused", True),
        ("mail", "451 busy", "put_off", False),
        ("mail", "553 not from here", "refused", True),
        ("data", "452 full", "put_off", False),
        ("data", "554 no", "refused", True),
        ("end", "451 try again", "put_off", False),
        ("end", "552 too large", "refused", True),
        # Wrong with the server, not with the mail.
        ("greeting", "554 no service", "unreachable", False),
        ("greeting", "421 later", "unreachable", False),
    ],
)
def test_refusals(
    server: MailServer,
    channel: Callable[..., MailChannel],
    stage: str,
    answer: str,
    fault: str,
    final: bool,
) -> None:
    server.answers[stage] = answer
    error = refused(channel())
    assert (error.fault, error.detail, error.final) == (fault, answer, final)
    assert not server.taken
    # The control: the same server, without the refusal, takes it.
    server.answers.clear()
    channel().deliver(outgoing())
    assert len(server.taken) == 1


def test_connection_refused(mail_settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    channel = MailChannel(
        replace(mail_settings, smtp_port=port), lambda message: Attachment("x", PDF), find_opt_out
    )
    error = refused(channel, outgoing(attach=False))
    assert (error.fault, error.final) == ("unreachable", False)


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "data"])
def test_a_server_that_says_nothing(
    server: MailServer, channel: Callable[..., MailChannel], stage: str
) -> None:
    server.stalls.add(stage)
    began = time.monotonic()
    error = refused(channel())
    assert (error.fault, error.final) == ("slow", False)
    assert time.monotonic() - began < TIMEOUT_S + 3


def test_one_that_thinks_long_about_a_whole_mail_is_waited_for(
    server: MailServer, channel: Callable[..., MailChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking again too early is how mails double."""
    from tests.agents import mail_server

    say = mail_server._Conversation.say

    def think(conversation: Any, stage: str, usual: str) -> bool:
        if stage == "end":
            time.sleep(TIMEOUT_S * 2)
        return say(conversation, stage, usual)

    monkeypatch.setattr(mail_server._Conversation, "say", think)
    channel().deliver(outgoing())
    assert len(server.taken) == 1


def test_one_that_trickles_is_cut_off(
    mail_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line comes in time, but there is no end of them."""
    from tests.agents import mail_server

    def trickle(conversation: Any, stage: str, usual: str) -> bool:
        while not conversation.box.closing.wait(0.2):
            conversation.wfile.write(b"220-and one more\r\n")
        return False

    monkeypatch.setattr(mail_server._Conversation, "say", trickle)
    with serve_mail(MailServer()) as server:
        settings = replace(mail_settings, smtp_port=server.port)
        channel = MailChannel(
            settings, lambda message: Attachment("x", PDF), find_opt_out, longest_s=2
        )
        began = time.monotonic()
        error = refused(channel)
        assert (error.fault, error.final) == ("slow", False)
        assert 1.5 < time.monotonic() - began < 8


def test_hung_up_on_before_its_yes_it_is_tried_again(
    server: MailServer, channel: Callable[..., MailChannel]
) -> None:
    """The yes is lost on the wire: nobody knows; the second try carries the same Message-ID."""
    server.hangs_up.add("end")
    error = refused(channel())
    assert (error.fault, error.final) == ("unreachable", False)
    assert len(server.taken) == 1


def test_how_it_says_goodbye_is_nothing_to_us(
    server: MailServer, channel: Callable[..., MailChannel]
) -> None:
    server.hangs_up.add("quit")
    channel().deliver(outgoing())
    server.hangs_up.clear()
    server.answers["quit"] = "421 bye"
    channel().deliver(outgoing())
    assert len(server.taken) == 2


def test_not_set_up(channel: Callable[..., MailChannel]) -> None:
    assert refused(channel(smtp_host="")).fault == "not_set_up"
    assert refused(channel(mail_from="")).fault == "not_set_up"


@pytest.mark.parametrize(
    "recipient", ["a@example.com\r\nRCPT TO:<b@example.com>", "a@example.com>\r\nDATA", "a b@c.de"]
)
def test_no_address_adds_a_command_or_a_header(
    server: MailServer, channel: Callable[..., MailChannel], recipient: str
) -> None:
    error = refused(channel(), outgoing(recipient))
    assert (error.fault, error.final) == ("address", True)
    assert not server.seen


def test_no_title_adds_a_header(server: MailServer, channel: Callable[..., MailChannel]) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        channel().deliver(outgoing(title="x\r\nBcc: b@example.com"))
    assert not server.seen


def test_quoting() -> None:
    assert quote_lines(b"a\n.b\r\n..c") == b"a\r\n..b\r\n...c\r\n.\r\n"
    assert quote_lines(b"") == b".\r\n"


# -- encryption and signing in ---------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ssl.SSLContext]:
    """A server's context with a certificate for this address; the client trusts it."""

    def make(address: str = "127.0.0.1") -> ssl.SSLContext:
        path = write_certificate(tmp_path / "mail.pem", address)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        return serve_with(path)

    return make


def test_encrypted_and_signed_in(
    server: MailServer,
    channel: Callable[..., MailChannel],
    certificate: Callable[..., ssl.SSLContext],
) -> None:
    server.tls, server.password = certificate(), "correct horse"
    given = {"smtp_user": "jifang", "smtp_password": "correct horse"}
    channel(smtp_security="starttls", **given).deliver(outgoing())
    [taken] = server.taken
    assert (taken.encrypted, taken.user) == (True, "jifang")
    wrong = refused(channel(smtp_security="starttls", smtp_user="jifang", smtp_password="SECRET-1"))
    assert (wrong.fault, wrong.final) == ("sign_in", False)
    assert "SECRET-1" not in str(wrong)
    assert len(server.taken) == 1


def test_a_server_that_lets_nobody_sign_in(
    server: MailServer, channel: Callable[..., MailChannel]
) -> None:
    error = refused(channel(smtp_security="none", smtp_user="jifang", smtp_password="SECRET-1"))
    assert (error.fault, error.final) == ("sign_in", False)
    assert "SECRET-1" not in str(error)
    assert not server.taken


def test_a_certificate_nobody_vouches_for(
    server: MailServer,
    channel: Callable[..., MailChannel],
    certificate: Callable[..., ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.tls = certificate()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert refused(channel(smtp_security="starttls")).fault == "insecure"
    # Vouched for, but for another address.
    server.tls = certificate("127.0.0.9")
    assert refused(channel(smtp_security="starttls")).fault == "insecure"
    assert not server.taken


def test_never_in_the_clear_instead(
    server: MailServer, channel: Callable[..., MailChannel]
) -> None:
    error = refused(channel(smtp_security="starttls"))
    assert (error.fault, error.final) == ("insecure", False)
    assert not any(line.startswith("MAIL") for line in server.seen)


def test_tls_from_the_first_byte(
    mail_settings: Settings, certificate: Callable[..., ssl.SSLContext]
) -> None:
    context = certificate()
    with serve_mail(MailServer(), encrypted=context) as server:
        settings = replace(mail_settings, smtp_port=server.port, smtp_security="tls")
        MailChannel(settings, lambda message: Attachment("x", PDF), find_opt_out).deliver(
            outgoing()
        )
        assert server.taken[0].encrypted


def test_the_way_out_of_a_mail_to_a_person(
    server: MailServer, channel: Callable[..., MailChannel]
) -> None:
    channel().deliver(outgoing(attach=False, user_id=7))
    channel().deliver(outgoing(attach=False))
    first, second = server.taken
    # RFC 8058 3.1: on one line and as it is; an encoded word is no address for a program.
    assert f"List-Unsubscribe: <{OUT}>\r\n".encode() in first.content
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in first.content
    body = parse(first.content).get_content()
    assert body.replace("\r\n", "\n").endswith(f"\n-- \n退订：{OUT}\n")
    # The control: who didn't choose it, as a contact, has nothing to end.
    assert b"List-Unsubscribe" not in second.content
    assert OUT not in parse(second.content).get_content()


def test_who_may_not_have_it_any_more(server: MailServer, mail_settings: Settings) -> None:
    def find_nobody(message: Outgoing) -> OptOut:
        raise UndeliveredError("withdrawn", final=True)

    made = MailChannel(
        replace(mail_settings, smtp_port=server.port),
        lambda message: Attachment("x", PDF),
        find_nobody,
    )
    error = refused(made, outgoing(attach=False, user_id=7))
    assert (error.fault, error.final) == ("withdrawn", True)
    assert not server.taken
    # The control: a contact's mail asks nobody.
    made.deliver(outgoing(attach=False))
    assert len(server.taken) == 1
