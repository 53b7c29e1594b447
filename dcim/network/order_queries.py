"""Reading cross-connect orders through a scope; customers see states, not our panels."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.errors import NotFoundError
from dcim.network.cables import PortPlace, find_places
from dcim.network.cross_connect_rules import list_actions
from dcim.network.cross_connects import judge_letter_of
from dcim.network.files import StoredFileRow, list_files
from dcim.network.order_models import CrossConnect, CrossConnectEnd, CrossConnectStep
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page


@dataclass(frozen=True, slots=True)
class ConnectStepRow:
    """`actor` and `detail` are the operator's own affair: none for customers."""

    action: str
    state: str
    at: dt.datetime
    actor: str | None
    note: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class ConnectOrderRow:
    id: int
    number: str
    customer_id: int
    customer_name: str
    customer_name_en: str
    contract_item_id: int | None
    item_code: str | None
    state: str
    media: str
    connector: str
    a_wish: str
    z_wish: str
    z_party: str
    requested_by: str
    requested_at: dt.datetime
    approved_at: dt.datetime | None
    patched_at: dt.datetime | None
    tested_at: dt.datetime | None
    billed_from: dt.date | None
    ended_at: dt.datetime | None
    loss_db: Decimal | None
    light_dbm: Decimal | None
    note: str


@dataclass(frozen=True, slots=True)
class ConnectOrderView:
    """`letter`: own, valid, expired or missing; none for customers. `actions`: what can be next."""

    order: ConnectOrderRow
    a: PortPlace | None
    z: PortPlace | None
    letter: str | None
    actions: list[str]
    steps: list[ConnectStepRow]
    files: list[StoredFileRow]


COLUMNS = (
    CrossConnect.id,
    CrossConnect.number,
    CrossConnect.customer_id,
    Customer.name.label("customer_name"),
    Customer.name_en.label("customer_name_en"),
    CrossConnect.contract_item_id,
    ContractItem.code.label("item_code"),
    CrossConnect.state,
    CrossConnect.media,
    CrossConnect.connector,
    CrossConnect.a_wish,
    CrossConnect.z_wish,
    CrossConnect.z_party,
    CrossConnect.requested_by,
    CrossConnect.requested_at,
    CrossConnect.approved_at,
    CrossConnect.patched_at,
    CrossConnect.tested_at,
    CrossConnect.billed_from,
    CrossConnect.ended_at,
    CrossConnect.loss_db,
    CrossConnect.light_dbm,
    CrossConnect.note,
)


def list_orders(
    session: Session, scope: Scope, paging: Paging = FIRST_PAGE, *, customer_id: int | None = None
) -> Page[ConnectOrderRow]:
    """Orders within reach, newest first; two statements."""
    statement = (
        select(*COLUMNS)
        .join(Customer, Customer.id == CrossConnect.customer_id)
        .outerjoin(ContractItem, ContractItem.id == CrossConnect.contract_item_id)
        .where(scope.filter(CrossConnect.customer_id))
        .order_by(CrossConnect.id.desc())
    )
    if customer_id is not None:
        statement = statement.where(CrossConnect.customer_id == customer_id)
    return fetch_page(session, ConnectOrderRow, statement, paging)


def find_order(
    session: Session, scope: Scope, order_id: int, now: dt.datetime | None = None
) -> ConnectOrderView:
    """One order with its steps and files. Raises NotFoundError for an absent or another's."""
    row = session.execute(
        select(*COLUMNS)
        .join(Customer, Customer.id == CrossConnect.customer_id)
        .outerjoin(ContractItem, ContractItem.id == CrossConnect.contract_item_id)
        .where(CrossConnect.id == order_id, scope.filter(CrossConnect.customer_id))
    ).one_or_none()
    if row is None:
        raise NotFoundError("No such cross-connect.")
    order = ConnectOrderRow(**row._asdict())
    ends: dict[str, PortPlace] = {}
    letter = None
    if scope.is_staff:
        chosen = session.execute(
            select(CrossConnectEnd.side, CrossConnectEnd.port_id).where(
                CrossConnectEnd.cross_connect_id == order_id
            )
        ).all()
        places = find_places(session, [port_id for _side, port_id in chosen])
        ends = {side: places[port_id] for side, port_id in chosen}
        letter = judge_letter_of(session, session.get_one(CrossConnect, order_id), now or utc_now())
        actions = [action.name for action in list_actions(order.state)]
    else:
        actions = ["cancel"] if order.state == "requested" else []
    steps = session.scalars(
        select(CrossConnectStep)
        .where(
            CrossConnectStep.cross_connect_id == order_id,
            scope.filter(CrossConnectStep.customer_id),
        )
        .order_by(CrossConnectStep.id)
    )
    return ConnectOrderView(
        order=order,
        a=ends.get("a"),
        z=ends.get("z"),
        letter=letter,
        actions=actions,
        steps=[
            ConnectStepRow(
                one.action,
                one.state,
                one.at,
                one.actor if scope.is_staff else None,
                one.note,
                dict(one.detail) if scope.is_staff else {},
            )
            for one in steps
        ],
        files=list_files(session, scope, order_id),
    )
