"""Suppliers and terms are written and read back on real PostgreSQL."""

from __future__ import annotations

from typing import Any

import msgspec

from entrepot.departments.purchasing import service
from entrepot.departments.purchasing.decisions import lead_time
from entrepot.departments.purchasing.model import (
    Agreed,
    Incoterm,
    PriceBreak,
    Registered,
    Supplier,
    SupplierChange,
    Terms,
    TermsChange,
    Unchanged,
)
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import Refusal, RefusalCode

SUPPLIER = Supplier("porto", "Atelier Porto", "PT", "EUR", lead_time(14, 4))
BREAKS = (PriceBreak(144, 110), PriceBreak(576, 98))
TERMS = Terms("porto", "MUG", "EUR", 120, 36, 12, BREAKS, 21, Incoterm.dap, "Rotterdam")


def register(database: Database, *suppliers: Supplier) -> list[Any]:
    changes = [SupplierChange("c", "me", each) for each in suppliers]
    return database.run(lambda tx: service.register_suppliers(tx, changes))


def agree(database: Database, *terms: Terms) -> list[Any]:
    changes = [TermsChange("c", "me", each) for each in terms]
    return database.run(lambda tx: service.agree_terms(tx, changes))


def test_what_is_registered_and_agreed_is_read_back(database: Database) -> None:
    bad = msgspec.structs.replace(SUPPLIER, name="")
    answers = register(database, SUPPLIER, bad, SUPPLIER)
    assert [type(a) for a in answers] == [Registered, Refusal, Unchanged]
    plain = Terms("porto", "CUP", "EUR", 0)
    assert [type(a) for a in agree(database, TERMS, plain, TERMS)] == [Agreed, Agreed, Unchanged]
    with database.transaction(read_only=True) as tx:
        assert service.suppliers(tx, ["porto", "none"]) == {"porto": SUPPLIER}
        assert service.terms(tx, ["MUG", "CUP", "NONE"]) == [plain, TERMS]
    assert register(database, SUPPLIER) + agree(database, TERMS) == [Unchanged(), Unchanged()]


def test_terms_replace_earlier_ones_whole(database: Database) -> None:
    register(database, SUPPLIER, msgspec.structs.replace(SUPPLIER, lead_time=lead_time(9, 0)))
    other = msgspec.structs.replace(TERMS, price_breaks=(PriceBreak(200, 100),))
    agree(database, TERMS, other)
    with database.transaction(read_only=True) as tx:
        assert service.terms(tx, ["MUG"]) == [other]
        assert service.suppliers(tx, ["porto"])["porto"].lead_time == lead_time(9, 0)
    drain(database)
    with database.transaction(read_only=True) as tx:
        assert [f[1] for f in facts_of(tx, "terms/MUG/porto")] == ["TermsAgreed"] * 2
        assert [f[1] for f in facts_of(tx, "supplier/porto")] == ["SupplierRegistered"] * 2


def test_terms_with_an_unknown_supplier_are_refused(database: Database) -> None:
    (refusal,) = agree(database, TERMS)
    assert (refusal.code, refusal.field) == (RefusalCode.bad_value, "supplier_id")
