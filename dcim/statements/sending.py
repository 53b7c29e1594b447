"""A statement sent again to whom it wasn't yet; and the channels by which everything is sent."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.registration import require_staff
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, NotFoundError
from dcim.notices.opting_out import find_opt_out
from dcim.outbox.channels import Attachment, Channel, Outgoing, UndeliveredError
from dcim.outbox.delivering import SCOPE
from dcim.outbox.mail import MailChannel
from dcim.outbox.models import ROBOTS
from dcim.outbox.robots.channel import RobotChannel
from dcim.outbox.syslog import SyslogChannel
from dcim.outbox.webhook import WebhookChannel
from dcim.statements.announcing import announce_statement
from dcim.statements.files import FileDamagedError, load_file
from dcim.statements.models import Statement, StatementFile


def send_statement(session: Session, scope: Scope, settings: Settings, statement_id: int) -> int:
    """Tell whoever wasn't told yet: contacts entered since, or mail that wasn't set up then.

    Returns how many. Raises NotFoundError, ConflictError where there is nobody else to tell.
    """
    require_staff(scope)
    statement = session.scalar(
        scope.apply(select(Statement).where(Statement.id == statement_id), Statement.customer_id)
    )
    file = session.get(StatementFile, statement_id)
    if statement is None or file is None:
        raise NotFoundError("No such statement.")
    queued = announce_statement(session, settings, statement, file)
    if not queued:
        raise ConflictError(
            "There is nobody else to send %(number)s to. Mail goes to contacts that get statements,"
            " once mail is set up.",
            number=statement.number,
        )
    record(
        session,
        scope,
        "statement.send",
        f"statement/{statement.id}",
        customer_id=statement.customer_id,
        messages=len(queued),
    )
    return len(queued)


def open_channels(settings: Settings, sessions: SessionFactory) -> Mapping[str, Channel]:
    """Every way out there is, by the name that messages call it."""

    def read_attachment(message: Outgoing) -> Attachment:
        if message.statement_id is None:
            raise UndeliveredError("attachment", final=True)
        try:
            with transaction(sessions, SCOPE) as session:
                content, statement, _file = load_file(
                    session, SCOPE, settings, message.statement_id
                )
                return Attachment(f"{statement.number}.pdf", content)
        except (FileDamagedError, NotFoundError) as error:
            raise UndeliveredError("attachment", str(error), final=True) from error

    return {
        "mail": MailChannel(settings, read_attachment, partial(find_opt_out, settings, sessions)),
        "webhook": WebhookChannel(settings, sessions),
        **dict.fromkeys(ROBOTS, RobotChannel(settings, sessions)),
        "syslog": SyslogChannel(settings, sessions),
    }
