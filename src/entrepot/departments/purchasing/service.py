"""The purchasing verbs: batches in, answers in order out, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from entrepot.departments.purchasing import decisions, store
from entrepot.departments.purchasing.model import (
    Agreed,
    Registered,
    Supplier,
    SupplierChange,
    SupplierRegistered,
    Terms,
    TermsAgreed,
    TermsChange,
    Unchanged,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.outcome import Refusal


def suppliers(tx: Tx, supplier_ids: Iterable[str]) -> dict[str, Supplier]:
    """The suppliers of these ids; unknown ones left out."""
    return store.suppliers(tx, supplier_ids)


def terms(tx: Tx, skus: Iterable[str]) -> list[Terms]:
    """All terms for these SKUs, by SKU and supplier."""
    return store.terms(tx, skus)


def register_suppliers(
    tx: Tx, changes: Sequence[SupplierChange]
) -> list[Registered | Unchanged | Refusal]:
    """Register suppliers or replace what is known of them; equal content changes nothing.

    Refuses: bad_identifier, missing_value, bad_value, bad_country. Facts: SupplierRegistered.
    """
    before = store.suppliers(tx, (c.supplier.supplier_id for c in changes))
    known = dict(before)
    answers: list[Registered | Unchanged | Refusal] = []
    written: dict[str, Supplier] = {}
    told: list[Announcement] = []
    for change in changes:
        supplier = change.supplier
        refusal = decisions.check_supplier(supplier)
        if refusal is not None:
            answers.append(refusal)
        elif known.get(supplier.supplier_id) == supplier:
            answers.append(Unchanged())
        else:
            known[supplier.supplier_id] = written[supplier.supplier_id] = supplier
            answers.append(Registered(supplier))
            told.append(
                Announcement(
                    subject=f"supplier/{supplier.supplier_id}",
                    fact=SupplierRegistered(supplier),
                    command_id=change.command_id,
                    actor=change.actor,
                )
            )
    if written:
        store.put_suppliers(tx, list(written.values()), before)
        announce(tx, told)
    return answers


def agree_terms(tx: Tx, changes: Sequence[TermsChange]) -> list[Agreed | Unchanged | Refusal]:
    """Agree on terms in place of earlier ones; equal content changes nothing.

    Refuses: bad_value for an unknown supplier; bad_identifier, missing_value, bad_value,
    bad_price, bad_quantity. Facts: TermsAgreed.
    """
    suppliers_known = store.suppliers(tx, (c.terms.supplier_id for c in changes))
    before = {(t.sku, t.supplier_id): t for t in store.terms(tx, (c.terms.sku for c in changes))}
    known = dict(before)
    answers: list[Agreed | Unchanged | Refusal] = []
    written: dict[tuple[str, str], Terms] = {}
    told: list[Announcement] = []
    for change in changes:
        agreed = change.terms
        key = (agreed.sku, agreed.supplier_id)
        refusal = decisions.check_terms(agreed)
        if refusal is None and agreed.supplier_id not in suppliers_known:
            refusal = decisions.unknown_supplier(agreed.supplier_id)
        if refusal is not None:
            answers.append(refusal)
        elif known.get(key) == agreed:
            answers.append(Unchanged())
        else:
            known[key] = written[key] = agreed
            answers.append(Agreed(agreed))
            told.append(
                Announcement(
                    subject=f"terms/{agreed.sku}/{agreed.supplier_id}",
                    fact=TermsAgreed(agreed),
                    command_id=change.command_id,
                    actor=change.actor,
                )
            )
    if written:
        store.put_terms(tx, list(written.values()), before)
        announce(tx, told)
    return answers
