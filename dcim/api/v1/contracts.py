"""A contract as one document: its items and the versions of its terms."""

from typing import Any

from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.customers import queries
from dcim.http.database import current_scope, db_session

contracts = Resource("contracts", "Contracts")


@contracts.get("/<int:contract_id>/agreement")
@contracts.response(200, answer_of(queries.ContractRow))
def show_agreement(contract_id: int) -> Any:
    """Show one contract with its items and versions of terms."""
    return queries.find_contract(db_session(), current_scope(), contract_id)
