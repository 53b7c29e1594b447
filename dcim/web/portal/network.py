"""Own cross-connects and addresses: asking for one, handing in a letter, what is mine."""

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField

from dcim.http.bodies import takes_files_of
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.network.address_queries import list_assignments
from dcim.network.cross_connects import NewOrder, advance_cross_connect, request_cross_connect
from dcim.network.files import LARGEST, attach_file
from dcim.network.order_queries import find_order, list_orders
from dcim.web.network_names import CONNECTORS, EVERY_NAME, MEDIA
from dcim.web.portal.blueprint import portal
from dcim.web.portal.home import own_id
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.cross_connects import send_file
from dcim.web.staff.network_forms import ORDER_MEDIA, FileForm, choices, text


class RequestForm(FlaskForm):  # type: ignore[misc]
    """A customer's wish in words; staff choose the ports."""

    a_wish = text(_l("From (cabinet, device, port)"), needed=True)
    z_wish = text(_l("To (cabinet, device, port; or whose)"), needed=True)
    z_party = text(_l("Other party"))
    media = SelectField(_l("Media"), choices=choices(MEDIA, ORDER_MEDIA))
    connector = SelectField(_l("Connector"), choices=choices(CONNECTORS))
    note = text(_l("Note"))


@portal.get("/cross-connects")
def cross_connects() -> str:
    listing = read_listing()
    return render_template(
        "portal/cross_connects.html",
        found=list_orders(db_session(), current_scope(), listing.paging),
        listing=listing,
        **EVERY_NAME,
    )


@portal.route("/cross-connects/new", methods=["GET", "POST"])
def request_order() -> Response | BaseResponse:
    form = RequestForm()

    def deed() -> str:
        scope = current_scope()
        order = request_cross_connect(
            db_session(),
            scope,
            NewOrder(
                customer_id=own_id(scope),
                media=form.media.data,
                connector=form.connector.data,
                a_wish=form.a_wish.data,
                z_wish=form.z_wish.data,
                z_party=form.z_party.data,
                note=form.note.data,
            ),
        )
        flash(_("%(number)s is entered.", number=order.number), "success")
        return url_for("portal.cross_connect", order_id=order.id)

    return answer_form("portal/cross_connect_new.html", form, deed)


@portal.route("/cross-connects/<int:order_id>", methods=["GET", "POST"])
@takes_files_of(LARGEST)
def cross_connect(order_id: int) -> Response | BaseResponse:
    """One order; its form hands in a letter."""
    session, scope = db_session(), current_scope()
    view = find_order(session, scope, order_id)
    form = FileForm()

    def deed() -> str:
        attach_file(
            session,
            scope,
            order_id,
            name=form.file.data.filename or "",
            content=form.file.data.read(),
            kind=form.kind.data,
            expires_on=form.expires_on.data,
        )
        return url_for("portal.cross_connect", order_id=order_id)

    return answer_form(
        "portal/cross_connect.html", form, deed, view=view, order=view.order, **EVERY_NAME
    )  # fmt: skip


@portal.post("/cross-connects/<int:order_id>/cancel")
def cancel_order(order_id: int) -> BaseResponse:
    note = request.form.get("note", "").replace("\0", "").strip()[:255]
    advance_cross_connect(
        db_session(), current_scope(), order_id, "cancel", {"note": note or _("by the customer")}
    )
    return go_on(url_for("portal.cross_connect", order_id=order_id))


@portal.get("/files/<int:file_id>")
def stored_file(file_id: int) -> Response:
    return send_file(file_id)


@portal.get("/addresses")
def addresses() -> str:
    listing = read_listing(size=200)
    return render_template(
        "portal/addresses.html",
        found=list_assignments(db_session(), current_scope(), listing.paging),
        listing=listing,
    )
