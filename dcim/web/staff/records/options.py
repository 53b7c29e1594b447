"""What a reference may be set to: a few records that fit what was typed, as JSON."""

from flask import jsonify, request
from werkzeug.wrappers import Response

from dcim.http.database import current_scope, db_session
from dcim.paging import Paging
from dcim.records.finding import find_matches
from dcim.records.kinds import Kind
from dcim.records.listing import Wish, list_records
from dcim.records.titles import SEPARATOR, find_paths, find_titles

# Offered at once; more letters narrow better than more lines.
MOST = 20


def list_options(kind: Kind) -> Response:
    """{"options": [{"id", "path", "title"}], "more": whether others fit too}. At most 20."""
    session, scope = db_session(), current_scope()
    text = request.args.get("q", "").replace("\0", "").strip()[:100]
    # Of a path the last code is looked for, and what stands before it must fit.
    *above, own = [part.strip() for part in text.split(SEPARATOR)]
    if own:
        ids = [one.id for one in find_matches(session, scope, [kind], own, most=10 * MOST)]
    else:
        page = list_records(
            session, scope, kind, Wish(), Paging(1, 10 * MOST), names=[kind.key[-1]]
        )
        ids = [one.id for one in page.items]
    paths = find_paths(session, scope, kind, ids) if ids else {}
    wanted = [part.lower() for part in above if part]
    found = [
        record_id
        for record_id in ids
        if record_id in paths
        and all(part in paths[record_id].lower().split(SEPARATOR)[:-1] for part in wanted)
    ]
    shown = found[:MOST]
    titled = bool(kind.title) and kind.title != kind.key[-1]
    titles = find_titles(session, scope, kind, shown) if shown and titled else {}
    return jsonify(
        options=[{"id": one, "path": paths[one], "title": titles.get(one, "")} for one in shown],
        more=len(found) > MOST,
    )
