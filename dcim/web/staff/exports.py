"""What is handed to others as sheets: the report to the regulator."""

import io
import zipfile

from flask import Response, current_app, render_template, url_for

from dcim.columns import utc_now
from dcim.customers.calendar import today_in
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.operations.regulator import export_regulator, write_sheet
from dcim.web.staff.blueprint import staff


@staff.get("/exports/regulator")
def regulator() -> str:
    return render_template(
        "staff/regulator.html",
        crumbs=[
            (_("Customers"), url_for("staff.list_customer")),
            (_("Report to the regulator"), ""),
        ],
    )


@staff.post("/exports/regulator")
def regulator_export() -> Response:
    """A ZIP of the sheets. Each taking of it is in the audit log."""
    zone = current_app.config["BABEL_DEFAULT_TIMEZONE"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet in export_regulator(db_session(), current_scope(), zone):
            archive.writestr(f"{sheet.name}.csv", write_sheet(sheet))
    day = today_in(zone, utc_now())
    return Response(
        buffer.getvalue(),
        mimetype="application/zip",
        headers={"Content-Disposition": f'attachment; filename="regulator-{day}.zip"'},
    )
