from uuid import UUID

import pytest

from entrepot.words.identifiers import (
    COUNTRIES,
    as_gtin14,
    check_digit,
    make_gln,
    make_gtin,
    make_sscc,
    order_number,
    parse_command_id,
    parse_country,
    parse_gln,
    parse_gtin,
    parse_order_number,
    parse_postal_code,
    parse_sku,
    parse_sscc,
    postal_area,
    unix_ms_of,
    uuid7,
)
from entrepot.words.outcome import Refusal, RefusalCode

ID = UUID("0198c5a5-3c00-7abc-8def-0123456789ab")


def code_of(value):
    assert isinstance(value, Refusal), value
    assert "found" in value.message and "expected" in value.message
    return value.code


@pytest.mark.parametrize(
    "sku", ["MUG", "85123A", "gift_0001_80", "BANK CHARGES", "A/B#1", "x" * 64]
)
def test_skus_are_kept_as_written(sku):
    assert parse_sku(f" {sku} ") == sku


@pytest.mark.parametrize("sku", ["", " ", "-A", "A  B", "Ü1", "A\tB", "x" * 65, "<b>", None, 85123])
def test_other_skus_are_refused(sku):
    assert code_of(parse_sku(sku)) == RefusalCode.bad_identifier


@pytest.mark.parametrize("key", ["a", "k" * 200, "x y", "0198c5a5-3c00-7abc-8def-0123456789ab"])
def test_command_ids_are_kept_as_written(key):
    assert parse_command_id(key) == key


@pytest.mark.parametrize("key", ["", " a", "a ", "k" * 201, "a\n", "é", None, 5])
def test_other_command_ids_are_refused(key):
    assert code_of(parse_command_id(key)) == RefusalCode.bad_identifier


@pytest.mark.parametrize(
    "gtin",
    ["96385074", "036000291452", "4006381333931", "00012345600012", "9780306406157"],
)
def test_published_gtins_are_valid(gtin):
    assert parse_gtin(gtin) == gtin
    assert make_gtin(gtin[:-1]) == gtin
    assert len(as_gtin14(gtin)) == 14
    assert parse_gtin(as_gtin14(gtin)) == as_gtin14(gtin)


def test_a_printed_gtin_is_read_without_its_spaces():
    assert parse_gtin("4 006381-333931") == "4006381333931"


def test_a_wrong_check_digit_is_named():
    refusal = parse_gtin("4006381333932", "items[3].gtin")
    assert code_of(refusal) == RefusalCode.bad_identifier
    assert "check digit 1" in refusal.message
    assert refusal.field == "items[3].gtin"


@pytest.mark.parametrize("gtin", ["", "400638133393", "40063813339310", "٤٠٠٦٣٨١٣", 96385074, None])
def test_other_gtins_are_refused(gtin):
    assert code_of(parse_gtin(gtin)) == RefusalCode.bad_identifier


def test_gln_and_sscc_are_made_and_read():  # the examples of GS1
    gln = make_gln("0614141", 1)
    assert gln == "0614141000012"
    assert parse_gln(gln) == gln
    sscc = make_sscc(1, "0614141", 234_567_890)
    assert sscc == "106141412345678908"
    assert parse_sscc(sscc) == sscc
    assert code_of(parse_gln(sscc)) == RefusalCode.bad_identifier
    assert code_of(parse_sscc(gln)) == RefusalCode.bad_identifier


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_gtin("123"),
        lambda: make_gln("0614141", 10**5),
        lambda: make_gln("0614141", -1),
        lambda: make_sscc(10, "0614141", 1),
        lambda: check_digit("12a"),
    ],
)
def test_numbers_that_do_not_fit_are_bugs(make):
    with pytest.raises(AssertionError):
        make()


def test_uuid7_follows_its_standard():
    # RFC 9562, appendix A.6
    rand = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10)
    assert uuid7(0x017F22E279B0, rand) == UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    assert uuid7(0x017F22E279B0, rand).version == 7
    assert uuid7(0, b"\xff" * 12).variant == "specified in RFC 4122"


@pytest.mark.parametrize(("unix_ms", "rand"), [(-1, b"0" * 10), (1 << 48, b"0" * 10), (1, b"0")])
def test_uuid7_needs_its_bits(unix_ms, rand):
    with pytest.raises(AssertionError):
        uuid7(unix_ms, rand)


def test_the_time_of_an_id():
    assert unix_ms_of(uuid7(1_700_000_000_123, b"r" * 10)) == 1_700_000_000_123


def test_order_numbers_are_readable_and_give_the_id_back():
    assert order_number(ID) == "00SHH-D57G0-AQGVV-R14D2-PF2DB"
    for spelling in (
        "00SHH-D57G0-AQGVV-R14D2-PF2DB",
        "ooshhd57goaqgvvrl4d2pf2db",
        "0 0SHHD57G0AQGVVRI4D2PF2DB",
    ):
        assert parse_order_number(spelling) == ID


@pytest.mark.parametrize(
    "number",
    [
        "",
        "00SHH",
        "00SHH-D57G0-AQGVV-R14D2-PF2DBX",
        "U0SHH-D57G0-AQGVV-R14D2-PF2DB",
        "Z" * 25,
        None,
    ],
)
def test_other_order_numbers_are_refused(number):
    assert code_of(parse_order_number(number)) == RefusalCode.bad_identifier


def test_an_order_number_needs_a_time_ordered_id():
    with pytest.raises(AssertionError):
        order_number(UUID(int=5))


def test_countries():
    assert len(COUNTRIES) == 249
    assert parse_country(" de ") == "DE"
    assert "GB" in parse_country("UK").message
    for wrong in ("DEU", "", "XX", "Germany", None, 49):
        assert code_of(parse_country(wrong)) == RefusalCode.bad_country


@pytest.mark.parametrize(
    ("country", "postal_code", "area"),
    [
        ("GB", "SW1A 1AA", "SW1A"),
        ("GB", "sw1a1aa", "SW1A"),
        ("GB", "M1 1AA", "M1"),
        ("GB", "B33 8TH", "B33"),
        ("GB", "EC1A 1BB", "EC1A"),
        ("GB", "GIR 0AA", "GIR"),
        ("US", "94107", "941"),
        ("US", "94107-1234", "941"),
        ("US", "941", "941"),
        ("DE", "10115", "10"),
        ("CA", "M5V 3L9", "M5V"),
        ("IE", "D02 X285", "D02"),
        ("NL", "1012 AB", "10"),
        ("PL", "00-950", "00"),
        ("JP", "100-0001", "100"),
        ("MT", "VLT 1117", "VL"),
        ("HK", "", ""),
        ("US", "", ""),
        ("DE", "?", "?"),
    ],
)
def test_areas_of_postal_codes(country, postal_code, area):
    assert postal_area(country, postal_code) == area


@pytest.mark.parametrize(
    ("country", "postal_code", "kept"),
    [("GB", " sw1a  1aa ", "SW1A 1AA"), ("HK", "", ""), ("BR", "01310-100", "01310-100")],
)
def test_postal_codes_are_tidied(country, postal_code, kept):
    assert parse_postal_code(postal_code, country) == kept


@pytest.mark.parametrize(
    ("country", "postal_code"),
    [("US", "9410"), ("US", ""), ("GB", "SW1A"), ("DE", "D-10115"), ("BR", "<>"), ("BR", None)],
)
def test_other_postal_codes_are_refused_without_repeating_them(country, postal_code):
    refusal = parse_postal_code(postal_code, country)
    assert code_of(refusal) == RefusalCode.bad_postal_code
    assert not postal_code or postal_code not in refusal.message
