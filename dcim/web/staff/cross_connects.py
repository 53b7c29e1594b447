"""Cross-connect orders: a new one, its page with steps and letters, the work order on paper."""

from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.errors import InvalidError
from dcim.http.bodies import takes_files_of
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.network.cables import (
    Trace,
    find_port_by_words,
    suggest_ports,
    trace_port,
)
from dcim.network.cross_connect_rules import ACTIONS
from dcim.network.cross_connects import (
    NewOrder,
    advance_cross_connect,
    choose_ends,
    request_cross_connect,
)
from dcim.network.files import LARGEST, attach_file, describe_download, read_file
from dcim.network.order_queries import ConnectOrderView, find_order
from dcim.web.local_times import local_zone
from dcim.web.staff.answers import answer_form
from dcim.web.staff.arguments import read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.network_forms import EndsForm, FileForm, OrderForm, StepForm


@staff.get("/network/orders")
def cross_connects() -> BaseResponse:
    """The list of this kind shows all that a list of its own once did, and more."""
    return redirect(url_for("staff.list_cross_connect"))


@staff.route("/network/orders/new", methods=["GET", "POST"])
def add_cross_connect() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = OrderForm()
    if request.method == "GET":
        form.a_port.data, form.customer.data = read_text("a_port", 255), read_text("customer", 64)

    def deed() -> str:
        customer = find_customer_by_code(form.customer.data)
        order = request_cross_connect(
            session,
            scope,
            NewOrder(
                customer_id=customer.id,
                media=form.media.data,
                connector=form.connector.data,
                contract_item_id=find_item(form.item.data),
                a_port_id=find_port_id("a_port", form.a_port.data),
                z_port_id=find_port_id("z_port", form.z_port.data),
                z_party=form.z_party.data,
                a_wish=form.a_wish.data,
                z_wish=form.z_wish.data,
                note=form.note.data,
            ),
        )
        flash(_("%(number)s is entered.", number=order.number), "success")
        return url_for("staff.cross_connect", order_id=order.id)

    return answer_form("staff/cross_connect_new.html", form, deed, customers=suggest_customers())


@staff.get("/network/orders/<int:order_id>")
def cross_connect(order_id: int) -> str:
    view = find_order(db_session(), current_scope(), order_id)
    return render_template("staff/cross_connect.html", **describe_order(view))


@staff.post("/network/orders/<int:order_id>/ends")
def choose_cross_connect_ends(order_id: int) -> Response | BaseResponse:
    view = find_order(db_session(), current_scope(), order_id)
    form = EndsForm()

    def deed() -> str:
        choose_ends(
            db_session(),
            current_scope(),
            order_id,
            a_port_id=find_port_id("a_port", form.a_port.data),
            z_port_id=find_port_id("z_port", form.z_port.data),
            z_party=form.z_party.data,
        )
        return url_for("staff.cross_connect", order_id=order_id)

    return answer_form("staff/cross_connect_ends.html", form, deed, view=view)


@staff.route("/network/orders/<int:order_id>/steps/<action>", methods=["GET", "POST"])
def advance_order(order_id: int, action: str) -> Response | BaseResponse:
    """The form a step needs, and taking the step."""
    if action not in ACTIONS:
        abort(404)
    view = find_order(db_session(), current_scope(), order_id)
    form = StepForm()
    if request.method == "GET":
        form.item.data = view.order.item_code or ""
        form.billed_from.data = utc_now().astimezone(local_zone()).date()

    def deed() -> str:
        given = {
            "note": form.note.data,
            "via": [
                find_port_by_words(db_session(), words, "via").id
                for words in (form.via.data or "").split(",")
                if words.strip()
            ],
            "colour": form.colour.data,
            "length_m": form.length_m.data,
            "loss_db": form.loss_db.data,
            "light_dbm": form.light_dbm.data,
            "billed_from": form.billed_from.data,
            "contract_item_id": find_item(form.item.data) if action == "bill" else None,
        }
        advance_cross_connect(db_session(), current_scope(), order_id, action, given)
        return url_for("staff.cross_connect", order_id=order_id)

    return answer_form("staff/cross_connect_step.html", form, deed, view=view, step=ACTIONS[action])


@staff.route("/network/orders/<int:order_id>/files", methods=["GET", "POST"])
@takes_files_of(LARGEST)
def attach_order_file(order_id: int) -> Response | BaseResponse:
    view = find_order(db_session(), current_scope(), order_id)
    form = FileForm()

    def deed() -> str:
        attach_file(
            db_session(),
            current_scope(),
            order_id,
            name=form.file.data.filename or "",
            content=form.file.data.read(),
            kind=form.kind.data,
            expires_on=form.expires_on.data,
        )
        return url_for("staff.cross_connect", order_id=order_id)

    return answer_form("staff/cross_connect_file.html", form, deed, view=view)


@staff.get("/network/files/<int:file_id>")
def stored_file(file_id: int) -> Response:
    return send_file(file_id)


@staff.get("/network/orders/<int:order_id>/work-order")
def work_order(order_id: int) -> str:
    """One A4 sheet for whoever goes to the panels."""
    view = find_order(db_session(), current_scope(), order_id)
    return render_template("staff/work_order.html", now=utc_now(), **describe_order(view))


@staff.get("/network/port-options")
def port_options() -> str:
    """Options for a port's text field; the field sends its own name."""
    words = next((value for name, value in request.args.items() if name != "lang"), "")
    found = suggest_ports(
        db_session(), current_scope(), words.replace("\0", "").rsplit(",", 1)[-1][:100]
    )
    return render_template("staff/port_options.html", found=found)


def describe_order(view: ConnectOrderView) -> dict[str, Any]:
    traces: list[Trace] = []
    session, scope = db_session(), current_scope()
    if view.a is not None:
        traces.append(trace_port(session, scope, view.a.id))
    if view.z is not None and (
        not traces or view.z.id not in {hop.port.id for hop in traces[0].hops}
    ):
        traces.append(trace_port(session, scope, view.z.id))
    return {
        "view": view,
        "order": view.order,
        "traces": traces,
        "actions": [ACTIONS[name] for name in view.actions],
        "may_change": has_right(Right.CHANGE_NETWORK),
        "ends_form": EndsForm(
            a_port=view.a.label if view.a else "",
            z_port=view.z.label if view.z else "",
            z_party=view.order.z_party,
        ),
        "crumbs": [
            (_("Cross-connects"), url_for("staff.list_cross_connect")),
            (view.order.number, ""),
        ],
    }


def send_file(file_id: int) -> Response:
    """As an attachment of no particular kind: a browser never opens what somebody handed in."""
    file = read_file(db_session(), current_scope(), file_id)
    response = Response(file.content, mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    for name, value in describe_download():
        response.headers.set(name, value)
    return response


def find_port_id(field: str, words: str | None) -> int | None:
    return find_port_by_words(db_session(), words, field).id if words else None


def find_customer_by_code(code: str | None) -> Customer:
    found = db_session().scalar(select(Customer).where(Customer.code == code))
    if found is None:
        raise InvalidError(
            "No customer has the code %(code)s.", {"customer": ["unknown"]}, code=code or ""
        )
    return found


def find_item(code: str | None) -> int | None:
    """Raises InvalidError for a code that no contract item has."""
    if not code:
        return None
    found = db_session().scalar(select(ContractItem.id).where(ContractItem.code == code))
    if found is None:
        raise InvalidError(
            "No contract item has the code %(code)s.", {"item": ["unknown"]}, code=code
        )
    return found


def suggest_customers() -> list[tuple[str, str]]:
    rows = db_session().execute(
        select(Customer.code, Customer.name)
        .where(Customer.active)
        .order_by(Customer.code)
        .limit(300)
    )
    return [(code, name) for code, name in rows]
