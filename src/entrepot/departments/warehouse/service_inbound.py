"""The warehouse's inbound verbs: goods are received and counted, then put away.

Same rules as `service`: batches, answers in order, a repeated command is answered the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from entrepot.departments.warehouse import inbound, store_inbound
from entrepot.departments.warehouse.inbound import receipt_subject
from entrepot.departments.warehouse.model import (
    GoodsPutAway,
    GoodsReceived,
    InboundReceipt,
    PutAway,
    Receipt,
    ReceiptState,
    ReceivedGoods,
    ReceivedLine,
    StoredGoods,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.outcome import Refusal

WAITING_MAX = 10_000


def receive(tx: Tx, commands: Sequence[InboundReceipt]) -> list[ReceivedGoods | Refusal]:
    """Count goods in, with what is over, short and damaged. Fact: GoodsReceived.

    Refuses: already_counted when another command entered the receipt; missing_value, too_many,
    duplicate_value, bad_quantity and bad_identifier for what the command says.
    """
    refusals = [inbound.receive(c) for c in commands]
    first: dict[str, InboundReceipt] = {}
    for command, refusal in zip(commands, refusals, strict=True):
        if refusal is None:
            first.setdefault(command.receipt_id, command)
    fresh = store_inbound.receive(tx, list(first.values()))
    announce(tx, [_received(c) for c in first.values() if c.receipt_id in fresh])
    receipts = store_inbound.receipts(tx, first)
    return [
        refusal or _counted(receipts[command.receipt_id], command)
        for command, refusal in zip(commands, refusals, strict=True)
    ]


def _counted(receipt: Receipt, command: InboundReceipt) -> ReceivedGoods | Refusal:
    if receipt.receive_command != command.command_id:
        return inbound.counted_before(receipt)
    return ReceivedGoods(receipt.receipt_id, receipt.node, receipt.received_at, receipt.lines)


def _received(command: InboundReceipt) -> Announcement:
    return Announcement(
        receipt_subject(command.receipt_id),
        GoodsReceived(
            receipt_id=command.receipt_id,
            node=command.node,
            document=command.document,
            lines=tuple(
                ReceivedLine(
                    line_no=line.line_no,
                    sku=line.sku,
                    expected_each=line.expected_each,
                    received_each=line.received_each,
                    damaged_each=line.damaged_each,
                    over_each=line.over_each,
                    short_each=line.short_each,
                )
                for line in command.lines
            ),
        ),
        command.command_id,
        command.actor,
    )


def put_away(tx: Tx, commands: Sequence[PutAway]) -> list[StoredGoods | Refusal]:
    """Book that the goods of receipts are at their places. Fact: GoodsPutAway.

    Refuses: not_found for a receipt that does not exist; wrong_state when it is put away.
    Raises: Conflict when somebody else was faster.
    """
    receipts = store_inbound.receipts(tx, [c.receipt_id for c in commands])
    answers: list[StoredGoods | Refusal] = []
    done: list[tuple[Receipt, PutAway]] = []
    for command in commands:
        receipt = receipts.get(command.receipt_id)
        if receipt is None:
            answers.append(inbound.unknown_receipt(command.receipt_id))
            continue
        if receipt.put_away_command != command.command_id:
            refusal = inbound.put_away(receipt)
            if refusal is not None:
                answers.append(refusal)
                continue
            receipt = receipt._replace(
                state=ReceiptState.put_away,
                put_away_at=tx.now,
                put_away_command=command.command_id,
            )
            receipts[command.receipt_id] = receipt
            done.append((receipt, command))
        assert receipt.put_away_at is not None, "a receipt put away says when"
        answers.append(StoredGoods(receipt.receipt_id, receipt.node, receipt.put_away_at))
    store_inbound.put_away(tx, {c.receipt_id: c.command_id for _, c in done})
    announce(tx, [_put_away(receipt, c) for receipt, c in done])
    return answers


def _put_away(receipt: Receipt, command: PutAway) -> Announcement:
    return Announcement(
        receipt_subject(receipt.receipt_id),
        GoodsPutAway(
            receipt_id=receipt.receipt_id,
            node=receipt.node,
            document=receipt.document,
            received_at=receipt.received_at,
        ),
        command.command_id,
        command.actor,
    )


def receipts(tx: Tx, receipt_ids: Iterable[str]) -> list[Receipt]:
    """Receipts with their lines, those that exist, by id."""
    return list(store_inbound.receipts(tx, receipt_ids).values())


def receipts_of(tx: Tx, documents: Iterable[str]) -> list[Receipt]:
    """The receipts of documents such as purchase orders, the oldest first."""
    ids = store_inbound.of_documents(tx, documents)
    found = store_inbound.receipts(tx, ids)
    return [found[receipt_id] for receipt_id in ids]


def waiting(tx: Tx, nodes: Iterable[str], at: datetime, limit: int = WAITING_MAX) -> list[Receipt]:
    """Receipts at these nodes that came up to an instant and are not put away, oldest first."""
    ids = store_inbound.waiting(tx, nodes, at, min(max(limit, 1), WAITING_MAX))
    found = store_inbound.receipts(tx, ids)
    return [found[receipt_id] for receipt_id in ids]
