"""The statements of a plain order: prepared ones, scripts for pgbench, and a stored function.

What an order leaves, row by row, in the tables of the product; `floor` says what and why. An order
comes from one center that has all its items, and it is known which: center c from 0 to 9 holds the
items whose number n from 0 has (7 (n + 1) + 3 (c + 1)) mod 10 below 6 (see `retailer`), so with r
from 0 to 5 those of n = 10 q + (3 r - 9 c + 290) mod 10.
"""

from __future__ import annotations

from benchmarks.retailer import ME

COMMAND = """
INSERT INTO ground.command (command_id, content_hash, answer, at)
VALUES (%(command_id)s, %(hash)s, %(answer)s, %(at)s)
"""
ORDER = """
INSERT INTO ordering.orders (order_id, state, channel, country, postal_area, currency, service,
                             items_minor, shipping_minor, cost_mills, placed_at, promise_version,
                             command_id, actor)
VALUES (%(order_id)s, 'open', 'web', 'DE', %(area)s, 'EUR', 'parcel', %(items_minor)s, 495, 0,
        %(at)s, 0, %(command_id)s, %(actor)s)
"""
LINES = """
INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor)
SELECT %(order_id)s, l.line_no, l.sku, l.quantity_each, 999
  FROM unnest(%(line_nos)s::integer[], %(skus)s::text[], %(eaches)s::bigint[])
       AS l (line_no, sku, quantity_each)
"""
PART = """
INSERT INTO ordering.part (order_id, part_no, state, node, service, since)
VALUES (%(order_id)s, 1, 'reserved', %(node)s, 'parcel', %(at)s)
"""
PART_LINES = """
INSERT INTO ordering.part_line (order_id, part_no, line_no, quantity_each, reservation_id)
SELECT %(order_id)s, 1, l.line_no, l.quantity_each, l.reservation_id
  FROM unnest(%(line_nos)s::integer[], %(eaches)s::bigint[], %(ids)s::uuid[])
       AS l (line_no, quantity_each, reservation_id)
"""
RESERVATIONS = """
INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node, quantity_each,
                                   priority, state, since)
SELECT l.sku, l.reservation_id, %(order_id)s, l.line_no, %(node)s, l.quantity_each, 100,
       'reserved', %(at)s
  FROM unnest(%(line_nos)s::integer[], %(skus)s::text[], %(eaches)s::bigint[], %(ids)s::uuid[])
       AS l (line_no, sku, quantity_each, reservation_id)
"""
MOVEMENTS = """
INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, quantity_each,
                                cause, document, at, command_id, actor)
SELECT l.sku, l.movement_id, %(node)s, 'free', 'reserved', l.quantity_each, 'order',
       %(order_id)s, %(at)s, %(command_id)s, %(actor)s
  FROM unnest(%(skus)s::text[], %(eaches)s::bigint[], %(movement_ids)s::uuid[])
       AS l (sku, quantity_each, movement_id)
"""
FACT = """
INSERT INTO events.outbox (subject, fact_id, name, version, occurred_at, command_id, actor, body)
VALUES (%(subject)s, %(fact_id)s, 'OrderPlaced', 1, %(at)s, %(command_id)s, %(actor)s, %(body)s)
"""
TAKE = """
UPDATE inventory.stock SET reserved = reserved + %(each)s
 WHERE sku = %(sku)s AND node = %(node)s AND on_hand - held - reserved - allocated >= %(each)s
"""
# The stock last: its rows are what orders wait for, so they are held for as short as can be.
INSERTS = (COMMAND, ORDER, LINES, PART, PART_LINES, RESERVATIONS, MOVEMENTS, FACT)

_BODY = (
    """'{{"order_id": "F-' || {number}::text || '", "channel": "web", "state": "open", """
    """"country": "DE", "postal_area": "10", "currency": "EUR", "items_minor": 2997, """
    """"shipping_minor": 495, "lines": [' || {lines} || ']}}'"""
)

FUNCTION = """
CREATE SCHEMA plain;
CREATE FUNCTION plain.place(
    the_number bigint, the_node text, the_skus text[], the_eaches bigint[], the_body text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_order text := 'F-' || the_number;
    the_command text := 'benchmark:' || the_number;
    the_time timestamptz := now();
    the_ids uuid[];
BEGIN
    SELECT array_agg(uuidv7()) INTO the_ids FROM unnest(the_skus);
    INSERT INTO ground.command (command_id, content_hash, answer, at)
    VALUES (the_command, sha256(convert_to(the_body, 'UTF8')), convert_to(the_order, 'UTF8'),
            the_time);
    INSERT INTO ordering.orders (order_id, state, channel, country, postal_area, currency, service,
                                 items_minor, shipping_minor, cost_mills, placed_at,
                                 promise_version, command_id, actor)
    VALUES (the_order, 'open', 'web', 'DE', '10', 'EUR', 'parcel', 2997, 495, 0, the_time, 0,
            the_command, 'benchmark');
    INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor)
    SELECT the_order, l.nth, l.sku, l.quantity_each, 999
      FROM unnest(the_skus, the_eaches) WITH ORDINALITY AS l (sku, quantity_each, nth);
    INSERT INTO ordering.part (order_id, part_no, state, node, service, since)
    VALUES (the_order, 1, 'reserved', the_node, 'parcel', the_time);
    INSERT INTO ordering.part_line (order_id, part_no, line_no, quantity_each, reservation_id)
    SELECT the_order, 1, l.nth, l.quantity_each, l.id
      FROM unnest(the_eaches, the_ids) WITH ORDINALITY AS l (quantity_each, id, nth);
    INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node,
                                       quantity_each, priority, state, since)
    SELECT l.sku, l.id, the_order, l.nth, the_node, l.quantity_each, 100, 'reserved', the_time
      FROM unnest(the_skus, the_eaches, the_ids) WITH ORDINALITY AS l (sku, quantity_each, id, nth);
    INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account,
                                    quantity_each, cause, document, at, command_id, actor)
    SELECT l.sku, uuidv7(), the_node, 'free', 'reserved', l.quantity_each, 'order', the_order,
           the_time, the_command, 'benchmark'
      FROM unnest(the_skus, the_eaches) AS l (sku, quantity_each);
    INSERT INTO events.outbox (subject, fact_id, name, version, occurred_at, command_id, actor,
                               body)
    VALUES ('order/' || the_order, uuidv7(), 'OrderPlaced', 1, the_time, the_command, 'benchmark',
            the_body::jsonb);
    FOR line_no IN 1 .. array_length(the_skus, 1) LOOP
        UPDATE inventory.stock SET reserved = reserved + the_eaches[line_no]
         WHERE sku = the_skus[line_no] AND node = the_node
           AND on_hand - held - reserved - allocated >= the_eaches[line_no];
        IF NOT FOUND THEN
            RAISE EXCEPTION 'out of stock';
        END IF;
    END LOOP;
    RETURN true;
END $$;
"""


def script(lines: int, size: int, *, piped: bool = False) -> str:
    """One order of so many lines among `size` items, for pgbench.

    piped  the inserts are sent in one go and waited for together
    """
    drawn = _drawn(lines, size)
    goods = [(f"'SKU-' || lpad(:item{n}::text, 5, '0')", f":each{n}") for n in range(1, lines + 1)]
    taken = "".join(
        f"{_take(sku, each)} RETURNING 1 AS taken{n} \\gset\n"
        for n, (sku, each) in enumerate(goods, start=1)
    )
    inserts = f"BEGIN;\n{_inserts(goods)}"
    if piped:
        inserts = f"\\startpipeline\n{inserts}\\endpipeline\n"
    return f"{drawn}{inserts}{taken}COMMIT;\n"


def hot_script(sku: str) -> str:
    """One order of one each of this item from the first center, given up when none is left."""
    goods = [(f"'{sku}'", "1")]
    return (
        f"\\set number random(1, {2**62})\n\\set center 0\n"
        f"BEGIN;\n{_inserts(goods)}"
        f"WITH taken AS ({_take(*goods[0])} RETURNING 1) SELECT count(*) AS taken FROM taken "
        "\\gset\n\\if :taken\nCOMMIT;\n\\else\nROLLBACK;\n\\endif\n"
    )


def call_script(lines: int, size: int) -> str:
    """The same order as `script` by one call of the stored function."""
    skus = ", ".join(f"'SKU-' || lpad(:item{n}::text, 5, '0')" for n in range(1, lines + 1))
    eaches = ", ".join(f":each{n}::bigint" for n in range(1, lines + 1))
    body = _body([(f":item{n}", f":each{n}") for n in range(1, lines + 1)])
    return (
        f"{_drawn(lines, size)}SELECT plain.place(:number, 'DC-' || :center::text, "
        f"ARRAY[{skus}], ARRAY[{eaches}], {body});\n"
    )


def _drawn(lines: int, size: int) -> str:
    assert size % 10 == 0, "items come in tens, of which a center holds six"
    drawn = [f"\\set number random(1, {2**62})", "\\set center random(0, 9)"]
    for n in range(1, lines + 1):
        drawn += [
            f"\\set rest{n} random(0, 5)",
            f"\\set item{n} 10 * random(0, {size // 10 - 1}) "
            f"+ mod(3 * :rest{n} - 9 * :center + 290, 10)",
            f"\\set each{n} case when random(1, 5) = 1 then 2 else 1 end",
        ]
    return "\n".join(drawn) + "\n"


def _body(goods: list[tuple[str, str]]) -> str:
    lines = " || ', ' || ".join(
        f"""'{{"line_no": {n}, "sku": "' || {sku}::text || '", "quantity_each": ' || {each}::text"""
        """ || ', "unit_price_minor": 999}'"""
        for n, (sku, each) in enumerate(goods, start=1)
    )
    return _BODY.format(number=":number", lines=lines)


def _take(sku: str, each: str) -> str:
    return (
        f"UPDATE inventory.stock SET reserved = reserved + {each} WHERE sku = {sku} "
        "AND node = 'DC-' || :center::text "
        f"AND on_hand - held - reserved - allocated >= {each}"
    )


def _inserts(goods: list[tuple[str, str]]) -> str:
    """What an order of these (SKU, each) leaves but for the stock."""
    order_id, command_id = "'F-' || :number::text", f"'{ME}:' || :number::text"
    node = "'DC-' || :center::text"
    numbered = list(enumerate(goods, start=1))
    body = _body(goods)

    def rows(row: str) -> str:
        return ", ".join(row.format(n=n, sku=sku, each=each) for n, (sku, each) in numbered)

    return (
        "INSERT INTO ground.command (command_id, content_hash, answer, at) VALUES "
        f"({command_id}, sha256(convert_to({command_id}, 'UTF8')), "
        f"convert_to({order_id}, 'UTF8'), now());\n"
        "INSERT INTO ordering.orders (order_id, state, channel, country, postal_area, currency, "
        "service, items_minor, shipping_minor, cost_mills, placed_at, promise_version, "
        f"command_id, actor) VALUES ({order_id}, 'open', 'web', 'DE', '10', 'EUR', 'parcel', "
        f"2997, 495, 0, now(), 0, {command_id}, '{ME}');\n"
        "INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor) "
        f"VALUES {rows(f'({order_id}, {{n}}, {{sku}}, {{each}}, 999)')};\n"
        "INSERT INTO ordering.part (order_id, part_no, state, node, service, since) "
        f"VALUES ({order_id}, 1, 'reserved', {node}, 'parcel', now());\n"
        "INSERT INTO ordering.part_line (order_id, part_no, line_no, quantity_each, "
        f"reservation_id) VALUES {rows(f'({order_id}, 1, {{n}}, {{each}}, {_ID})')};\n"
        "INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node, "
        "quantity_each, priority, state, since) VALUES "
        f"{rows(f'({{sku}}, {_ID}, {order_id}, {{n}}, {node}, {{each}}, 100, {_STATE}, now())')}"
        ";\n"
        "INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, "
        "quantity_each, cause, document, at, command_id, actor) VALUES "
        f"{rows(_MOVED.format(node=node, order_id=order_id, command_id=command_id))};\n"
        "INSERT INTO events.outbox (subject, fact_id, name, version, occurred_at, command_id, "
        f"actor, body) VALUES ('order/' || {order_id}, uuidv7(), 'OrderPlaced', 1, now(), "
        f"{command_id}, '{ME}', ({body})::jsonb);\n"
    )


_STATE = "'reserved'"
# In the order of time, by which the table is cut, and of the number and the line: an id that two
# statements of a transaction know without asking for it.
_ID = (
    "(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7' "
    "|| substr(md5(:number::text || '-{n}'), 14))::uuid"
)
_MOVED = (
    "({{sku}}, uuidv7(), {node}, 'free', 'reserved', {{each}}, 'order', {order_id}, now(), "
    "{command_id}, '" + ME + "')"
)
