"""Which sale a credit belongs to, on small histories made by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from entrepot.simulation.tying import Entry, Tied, tie


def sold(position: int, each: int, buyer: int = 1, sku: str = "MUG") -> Entry:
    return Entry(position, buyer, sku, each)


def test_a_credit_belongs_to_the_latest_earlier_sale() -> None:
    found = tie([sold(1, 5), sold(2, 5), sold(9, 5)], [sold(7, 3)])
    assert found == [Tied(7, 2, 3)]


def test_what_is_more_than_was_sold_goes_to_the_sale_before_and_then_to_none() -> None:
    found = tie([sold(1, 5), sold(2, 4)], [sold(7, 12)])
    assert found == [Tied(7, 2, 4), Tied(7, 1, 5), Tied(7, None, 3)]


def test_what_came_back_does_not_come_back_again() -> None:
    found = tie([sold(1, 5), sold(2, 4)], [sold(7, 3), sold(8, 3), sold(9, 3), sold(10, 3)])
    assert found == [
        Tied(7, 2, 3),
        Tied(8, 2, 1),
        Tied(8, 1, 2),
        Tied(9, 1, 3),
        Tied(10, None, 3),
    ]


def test_other_buyers_and_other_goods_do_not_count() -> None:
    sales = [sold(1, 5, buyer=2), sold(2, 5, sku="CUP"), sold(9, 5)]
    assert tie(sales, [sold(7, 1)]) == [Tied(7, None, 1)]


entries = st.lists(
    st.tuples(st.booleans(), st.integers(1, 2), st.sampled_from(["MUG", "CUP"]), st.integers(1, 9)),
    max_size=30,
)


@given(entries)
def test_nothing_is_lost_and_no_sale_takes_back_more_than_it_was(
    drawn: list[tuple[bool, int, str, int]],
) -> None:
    numbered = [(back, Entry(n, *entry)) for n, (back, *entry) in enumerate(drawn)]
    sales = {e.position: e for back, e in numbered if not back}
    credits = {e.position: e for back, e in numbered if back}
    found = tie(sales.values(), credits.values())
    for position, credit in credits.items():
        mine = [t for t in found if t.credit == position]
        assert sum(t.quantity_each for t in mine) == credit.quantity_each
        tied = [t.sale for t in mine if t.sale is not None]
        assert tied == sorted(tied, reverse=True) and all(sale < position for sale in tied)
        assert all(sales[n].buyer == credit.buyer and sales[n].sku == credit.sku for n in tied)
    for position, sale in sales.items():
        back_each = sum(t.quantity_each for t in found if t.sale == position)
        assert back_each <= sale.quantity_each
