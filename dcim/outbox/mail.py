"""Mail by SMTP (RFC 5321), one connection a message."""

import email.policy
import email.utils
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from typing import Any

from dcim.config import Settings
from dcim.outbox.channels import Attachment, OptOut, Outgoing, UndeliveredError
from dcim.outbox.deadline import Deadline, deadline
from dcim.outbox.queueing import can_be_mailed

# Of a whole conversation, shorter than the lease of a message.
LONGEST_S = 900.0
# RFC 5321 4.5.3.2.6: who asks too early whether a mail was taken sends it twice. Times the timeout.
PATIENCE = 10
_LINE_END = re.compile(rb"\r\n|\r|\n")

ReadAttachment = Callable[[Outgoing], Attachment]
FindOptOut = Callable[[Outgoing], OptOut]


class MailChannel:
    """`read_attachment` gives the file of a message that has one, `find_opt_out` the way out of
    one to a person; it raises UndeliveredError for who may not have it any more."""

    def __init__(
        self,
        settings: Settings,
        read_attachment: ReadAttachment,
        find_opt_out: FindOptOut,
        longest_s: float = LONGEST_S,
    ) -> None:
        self.settings = settings
        self.read_attachment = read_attachment
        self.find_opt_out = find_opt_out
        self.longest_s = longest_s

    def deliver(self, message: Outgoing) -> None:
        """Return once the mail server has taken it over.

        Refusals of the message or its address (5xx) are final; what is wrong with the server or
        with our settings for it isn't: it may be mended while the message waits.
        """
        settings = self.settings
        if not settings.smtp_host or not settings.mail_from:
            raise UndeliveredError("not_set_up")
        if not can_be_mailed(message.recipient):
            raise UndeliveredError("address", final=True)
        opt_out = None if message.user_id is None else self.find_opt_out(message)
        attachment = self.read_attachment(message) if message.attach else None
        content = write_mail(settings, message, attachment, opt_out).as_bytes()
        with deadline(self.longest_s) as limit:
            try:
                self._send(message.recipient, content, limit)
            except UndeliveredError:
                raise
            except smtplib.SMTPNotSupportedError as error:
                raise UndeliveredError("insecure", str(error)) from error
            except ssl.SSLError as error:
                raise UndeliveredError("insecure", error.reason or str(error)) from error
            except smtplib.SMTPResponseException as error:
                raise UndeliveredError("unreachable", _words(error)) from error
            except TimeoutError as error:
                raise UndeliveredError("slow") from error
            except (smtplib.SMTPException, OSError) as error:
                fault = "slow" if limit.passed or _is_slow(error) else "unreachable"
                raise UndeliveredError(fault, str(error)) from error

    def _send(self, recipient: str, content: bytes, limit: Deadline) -> None:
        settings = self.settings
        server = self._connect(limit)
        try:
            server.ehlo_or_helo_if_needed()
            if settings.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
                limit.watch(_socket_of(server))
                server.ehlo()
            if settings.smtp_user:
                try:
                    server.login(settings.smtp_user, settings.smtp_password)
                except smtplib.SMTPAuthenticationError as error:
                    raise UndeliveredError("sign_in", f"{error.smtp_code}") from error
                except smtplib.SMTPNotSupportedError as error:
                    # Of signing in, not of TLS: many offer it over TLS alone.
                    raise UndeliveredError("sign_in", str(error)) from error
            self._expect(server.mail(settings.mail_from), 250)
            self._expect(server.rcpt(recipient), 250, 251)
            self._expect(server.docmd("DATA"), 354)
            _socket_of(server).settimeout(settings.smtp_timeout_s * PATIENCE)
            server.send(quote_lines(content))
            self._expect(server.getreply(), 250)
            # It is taken; how the server says goodbye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                _socket_of(server).settimeout(settings.smtp_timeout_s)
                server.quit()
        finally:
            server.close()

    def _connect(self, limit: Deadline) -> smtplib.SMTP:
        settings = self.settings
        if settings.smtp_security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = _WatchedTls(context=context, timeout=settings.smtp_timeout_s)
        else:
            server = _Watched(timeout=settings.smtp_timeout_s)
        server.limit = limit  # type: ignore[attr-defined]
        # By which the certificate is judged after STARTTLS.
        server._host = settings.smtp_host  # type: ignore[attr-defined]
        code, said = server.connect(settings.smtp_host, settings.smtp_port)
        if code != 220:
            server.close()
            raise smtplib.SMTPConnectError(code, said)
        return server

    def _expect(self, answer: tuple[int, bytes], *wanted: int) -> None:
        code, said = answer
        if code in wanted:
            return
        words = f"{code} {said.decode('utf-8', 'replace')}"
        if 500 <= code < 600:
            raise UndeliveredError("refused", words, final=True)
        if 400 <= code < 500:
            raise UndeliveredError("put_off", words)
        raise UndeliveredError("unreachable", words)


class _Watched(smtplib.SMTP):
    """Its connection is watched from the first byte of the greeting on."""

    limit: Deadline

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self.limit.watch(connection)
        return connection


class _WatchedTls(_Watched, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


def _socket_of(server: smtplib.SMTP) -> socket.socket:
    if server.sock is None:
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
    return server.sock


def _words(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    return (
        f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    )


def _is_slow(error: BaseException) -> bool:
    """smtplib makes a lost connection of every read that fails, also of one that timed out."""
    cause = error.__context__
    return isinstance(cause, TimeoutError)


class _Policy(email.policy.EmailPolicy):
    """As SMTP's, but for an address that a program follows: folding would make encoded words of
    it. RFC 5322 2.1.1 allows a line of 998 octets."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name == "List-Unsubscribe":
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


POLICY = _Policy(linesep="\r\n")


def write_mail(
    settings: Settings,
    message: Outgoing,
    attachment: Attachment | None,
    opt_out: OptOut | None = None,
) -> EmailMessage:
    """The mail as it goes out; the same in every attempt, its Message-ID included.

    The policy refuses (ValueError) a header with a line end in it.
    """
    mail = EmailMessage(policy=POLICY)
    mail["From"] = mail_address(settings)
    mail["To"] = message.recipient
    mail["Subject"] = message.title
    mail["Date"] = message.created_at
    mail["Message-ID"] = f"<{message.delivery_id}@{settings.mail_from.rpartition('@')[2]}>"
    # RFC 3834: nobody's holiday notice answers it.
    mail["Auto-Submitted"] = "auto-generated"
    text = message.text
    if opt_out is not None:
        # RFC 8058: a mail program ends them by one POST, without a page.
        if opt_out.url:
            mail["List-Unsubscribe"] = f"<{opt_out.url}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        text += f"\n-- \n{opt_out.words}\n"
    mail.set_content(text, cte="quoted-printable")
    if attachment is not None:
        mail.add_attachment(
            attachment.content, maintype="application", subtype="pdf", filename=attachment.name
        )
    return mail


def mail_address(settings: Settings) -> str:
    return email.utils.formataddr((settings.operator_name, settings.mail_from))


def quote_lines(content: bytes) -> bytes:
    """RFC 5321 4.5.2: lines end with CR LF, one that begins with a dot gets another, a dot ends."""
    lines = _LINE_END.split(content)
    if lines and not lines[-1]:
        lines.pop()
    return (
        b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines) + b".\r\n"
    )
