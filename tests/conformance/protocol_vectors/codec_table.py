"""Values of the strict profile, and bytes that it refuses (docs/protocol.md, section 4). Knows no message.

`READ` and `WRITTEN` are (name, diagnostic notation, hex or None): where hex stands, it is from RFC 8949, appendix A,
or written by hand, and anchors the compiler. `REFUSED` is (name, about, diagnostic notation or bytes, seen by CDDL).
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["READ", "REFUSED", "WRITTEN", "Refused"]

Refused = tuple[str, str, str | bytes, bool]

#: What every encoder writes alike, since the shortest form is the only one it would choose. Read back too.
WRITTEN: list[tuple[str, str, str | None]] = [
    ("int-0", "0", "00"),
    ("int-1", "1", "01"),
    ("int-10", "10", "0a"),
    ("int-23", "23", "17"),
    ("int-24", "24", "1818"),
    ("int-25", "25", "1819"),
    ("int-100", "100", "1864"),
    ("int-255", "255", "18ff"),
    ("int-256", "256", "190100"),
    ("int-1000", "1000", "1903e8"),
    ("int-65535", "65535", "19ffff"),
    ("int-65536", "65536", "1a00010000"),
    ("int-1000000", "1000000", "1a000f4240"),
    ("int-under-2-32", "4294967295", "1affffffff"),
    ("int-2-32", "4294967296", "1b0000000100000000"),
    ("int-1000000000000", "1000000000000", "1b000000e8d4a51000"),
    ("int-under-2-53", "9007199254740991", "1b001fffffffffffff"),
    ("int-2-53", "9007199254740992", "1b0020000000000000"),
    ("int-over-2-53", "9007199254740993", "1b0020000000000001"),
    ("int-largest", "9223372036854775807", "1b7fffffffffffffff"),
    ("int-minus-1", "-1", "20"),
    ("int-minus-10", "-10", "29"),
    ("int-minus-24", "-24", "37"),
    ("int-minus-25", "-25", "3818"),
    ("int-minus-100", "-100", "3863"),
    ("int-minus-256", "-256", "38ff"),
    ("int-minus-257", "-257", "390100"),
    ("int-minus-1000", "-1000", "3903e7"),
    ("int-minus-2-53", "-9007199254740992", "3b001fffffffffffff"),
    ("int-least", "-9223372036854775808", "3b7fffffffffffffff"),
    ("float-double-only", "1.1", "fb3ff199999999999a"),
    ("float-double-only-negative", "-4.1", "fbc010666666666666"),
    ("float-double-only-large", "1.0e+300", "fb7e37e43c8800759c"),
    ("float-least-double", "5.0e-324", "fb0000000000000001"),
    ("false", "false", "f4"),
    ("true", "true", "f5"),
    ("null", "null", "f6"),
    ("bytes-empty", "h''", "40"),
    ("bytes-4", "h'01020304'", "4401020304"),
    ("bytes-not-utf-8", "h'ff80'", "42ff80"),
    ("bytes-24", f"h'{'00' * 24}'", "5818" + "00" * 24),
    ("text-empty", '""', "60"),
    ("text-a", '"a"', "6161"),
    ("text-ietf", '"IETF"', "6449455446"),
    ("text-quotes", r'"\"\\"', "62225c"),
    ("text-two-bytes", '"ü"', "62c3bc"),
    ("text-three-bytes", '"水"', "63e6b0b4"),
    ("text-four-bytes", '"𐅑"', "64f0908591"),
    ("text-nul", r'"\u0000"', "6100"),
    ("text-last-character", '"\U0010ffff"', "64f48fbfbf"),
    ("text-around-surrogates", '"\ud7ff\ue000"', "66ed9fbfee8080"),
    ("text-noncharacter", '"\uffff"', "63efbfbf"),
    ("text-not-normalised", '"e\u0301"', "6365cc81"),
    ("text-24", f'"{"x" * 24}"', "7818" + "78" * 24),
    ("text-256", f'"{"x" * 256}"', "790100" + "78" * 256),
    ("array-empty", "[]", "80"),
    ("array-123", "[1, 2, 3]", "83010203"),
    ("array-nested", "[1, [2, 3], [4, 5]]", "8301820203820405"),
    ("array-25", str([*range(1, 26)]), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ("map-empty", "{}", "a0"),
    ("map-a-b", '{"a": 1, "b": [2, 3]}', "a26161016162820203"),
    ("map-null-value", '{"a": null}', "a16161f6"),
    ("map-empty-key", '{"": 0}', "a16000"),
    ("map-keys-differ-in-case", '{"a": 1, "A": 2}', "a2616101614102"),
    ("map-keys-alike-when-normalised", '{"é": 1, "e\u0301": 2}', "a262c3a9016365cc8102"),
    ("map-same-key-elsewhere", '{"a": {"a": 1}}', "a16161a1616101"),
    ("map-dollar-key", '{"$bytes": "00"}', "a1662462797465736230" + "30"),
    ("map-prototype-key", '{"__proto__": 1, "constructor": 2}', None),
    ("mixed", '["a", {"b": "c"}]', "826161a161626163"),
    ("depth-32-arrays", "[" * 32 + "]" * 32, "81" * 31 + "80"),
    ("depth-32-maps", '{"a": ' * 31 + "{}" + "}" * 31, "a16161" * 31 + "a0"),
    ("depth-32-scalar-inside", "[" * 32 + "0" + "]" * 32, "81" * 32 + "00"),
    ("depth-32-beside", f"[{'[' * 31}{']' * 31}, {'[' * 31}{']' * 31}]", None),
]

#: What a receiver takes although a sender may write it otherwise.
READ: list[tuple[str, str, str | None]] = [
    ("wide-int-1", "10_0", "180a"),
    ("wide-int-2", "10_1", "19000a"),
    ("wide-int-4", "10_2", "1a0000000a"),
    ("wide-int-8", "10_3", "1b000000000000000a"),
    ("wide-negative-int", "-1_3", "3b0000000000000000"),
    ("wide-text", '"a"_0', "780161"),
    ("wide-text-8", '"a"_3', "7b000000000000000161"),
    ("wide-bytes", "h'01'_1", "59000101"),
    ("wide-bytes-8", "h'01'_3", "5b000000000000000101"),
    ("wide-array", "[_0 1]", "980101"),
    ("wide-array-8", "[_3 1]", "9b000000000000000101"),
    ("wide-map", '{_1 "a"_0: 1_0}', "b900017801611801"),
    ("wide-map-8", '{_3 "a": 1}', "bb0000000000000001616101"),
    ("half-0", "0.0", "f90000"),
    ("half-minus-0", "-0.0", "f98000"),
    ("half-1", "1.0", "f93c00"),
    ("half-1.5", "1.5", "f93e00"),
    ("half-largest", "65504.0", "f97bff"),
    ("half-least", "5.960464477539063e-8", "f90001"),
    ("half-normal-least", "0.00006103515625", "f90400"),
    ("half-minus-4", "-4.0", "f9c400"),
    ("half-infinity", "Infinity", "f97c00"),
    ("half-minus-infinity", "-Infinity", "f9fc00"),
    ("half-nan", "NaN", "f97e00"),
    ("single-100000", "100000.0", "fa47c35000"),
    ("single-largest", "3.4028234663852886e+38", "fa7f7fffff"),
    ("single-1", "1.0_2", "fa3f800000"),
    ("single-infinity", "Infinity_2", "fa7f800000"),
    ("single-minus-infinity", "-Infinity_2", "faff800000"),
    ("single-nan", "NaN_2", "fa7fc00000"),
    ("double-1", "1.0_3", "fb3ff0000000000000"),
    ("double-2-53", "9007199254740992.0_3", "fb4340000000000000"),
    ("double-infinity", "Infinity_3", "fb7ff0000000000000"),
    ("double-minus-infinity", "-Infinity_3", "fbfff0000000000000"),
    ("double-nan", "NaN_3", "fb7ff8000000000000"),
    ("map-not-sorted", '{"b": 1, "a": 2}', "a2616201616102"),
    ("float-in-map", '{"x": 0.5}', "a16178f93800"),
]


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def _tags() -> Iterator[Refused]:
    forms = {
        0: '0("2013-03-21T20:04:00Z")',
        1: "1(1363896240)",
        2: "2(h'010000000000000000')",
        3: "3(h'010000000000000000')",
        4: "4([-2, 27315])",
        5: "5([-1, 3])",
        6: "6(0)",
        21: "21(h'00')",
        22: "22(h'00')",
        23: "23(h'01020304')",
        24: "24(h'6449455446')",
        25: "25(0)",
        28: "28([])",
        29: "29(0)",
        30: "30([1, 3])",
        32: '32("http://www.example.com")',
        33: '33("AA")',
        34: '34("AA==")',
        35: '35("a+")',
        36: '36("MIME-Version: 1.0")',
        37: "37(h'00112233445566778899aabbccddeeff')",
        52: "52(h'c0000201')",
        54: "54(h'20010db8000000000000000000000001')",
        63: "63(h'00')",
        64: "64(h'00')",
        100: "100(0)",
        256: '256(["a", 25(0)])',
        257: "257(h'00')",
        258: "258([1])",
        260: "260(h'c0000201')",
        261: "261({h'c0000200': 24})",
        1004: '1004("2013-03-21")',
        43000: "43000([])",
        55799: "55799(0)",
        55800: "55800(0)",
        65536: "65536(0)",
        4294967296: "4294967296(0)",
        18446744073709551615: "18446744073709551615(0)",
    }
    for number, form in forms.items():
        yield f"tag-{number}", "The profile has no tags.", form, True
    yield "tag-wide", "A tag in a wider form than it needs.", "1_3(0)", True
    yield "tag-in-tag", "Tags within tags.", "55799(55799(0))", True
    yield "tag-in-array", "A tag deeper down.", '[1, {"a": 0("2013-03-21T20:04:00Z")}]', True
    yield "tag-as-key", "A tag as a key.", '{0("a"): 1}', True
    yield "tag-shared-cycle", "An array that holds itself.", "28([29(0)])", True


_INDEFINITE: list[Refused] = [
    ("indefinite-text", "Lengths are definite.", '(_ "strea", "ming")', False),
    ("indefinite-text-empty", "Lengths are definite.", _hex("7fff"), False),
    ("indefinite-bytes", "Lengths are definite.", "(_ h'0102', h'03')", False),
    ("indefinite-bytes-empty", "Lengths are definite.", _hex("5fff"), False),
    ("indefinite-array", "Lengths are definite.", "[_ 1, 2]", False),
    ("indefinite-array-empty", "Lengths are definite.", "[_ ]", False),
    ("indefinite-map", "Lengths are definite.", '{_ "a": 1}', False),
    ("indefinite-map-empty", "Lengths are definite.", "{_ }", False),
    ("indefinite-in-array", "Lengths are definite, deeper down too.", "[1, [_ 2, 3]]", False),
    ("indefinite-in-map", "Lengths are definite, deeper down too.", '{"a": {_ "b": 1}}', False),
    ("indefinite-key", "Lengths are definite, those of keys too.", '{(_ "a"): 1}', False),
    ("break-alone", "A break with nothing to end.", _hex("ff"), False),
    ("break-in-array", "A break in an array of definite length.", _hex("8201ff"), False),
    ("break-as-value", "A break where a map's value should be.", _hex("a16161ff"), False),
]

_SIMPLE: list[Refused] = [
    ("undefined", "The profile has null, and no undefined.", "undefined", True),
    ("undefined-in-map", "The profile has null, and no undefined.", '{"a": undefined}', True),
    ("simple-0", "No simple values but false, true and null.", "simple(0)", True),
    ("simple-16", "No simple values but false, true and null.", "simple(16)", True),
    ("simple-19", "No simple values but false, true and null.", "simple(19)", True),
    ("simple-32", "No simple values but false, true and null.", "simple(32)", True),
    ("simple-255", "No simple values but false, true and null.", "simple(255)", True),
    ("simple-in-array", "No simple values but false, true and null.", "[simple(99)]", True),
    ("simple-24", "Not well-formed: this form is reserved.", _hex("f818"), False),
    ("simple-wide-false", "Not well-formed: false in two bytes.", _hex("f814"), False),
    ("simple-wide-true", "Not well-formed: true in two bytes.", _hex("f815"), False),
    ("simple-wide-null", "Not well-formed: null in two bytes.", _hex("f816"), False),
]


def _reserved() -> Iterator[Refused]:
    for major, kind in enumerate(("int", "negative", "bytes", "text", "array", "map", "tag", "simple")):
        for extra in (28, 29, 30):
            head = bytes([major << 5 | extra])
            yield f"reserved-{kind}-{extra}", "Additional information that is reserved.", head + bytes(9), False
    for major, kind in ((0, "int"), (1, "negative"), (6, "tag")):
        head = bytes([major << 5 | 31])
        yield f"reserved-{kind}-31", "No length that could be indefinite.", head + bytes(1), False


_KEYS: list[Refused] = [
    ("duplicate-key", "A key twice.", '{"a": 1, "a": 2}', False),
    ("duplicate-key-same-value", "A key twice, with one value.", '{"a": 1, "a": 1}', False),
    ("duplicate-key-apart", "A key twice, with others between.", '{"a": 1, "b": 2, "c": 3, "a": 4}', False),
    ("duplicate-key-wide", "A key twice, encoded in two ways.", '{"a": 1, "a"_1: 2}', False),
    ("duplicate-key-empty", "The empty key twice.", '{"": 1, "": 2}', False),
    ("duplicate-key-in-array", "A key twice, deeper down.", '[{"a": 1, "a": 2}]', False),
    ("duplicate-key-in-map", "A key twice, deeper down.", '{"x": {"a": 1, "a": 2}}', False),
    ("key-int", "Keys are text.", "{1: 2}", True),
    ("key-int-wide", "Keys are text.", "{4294967296: 2}", True),
    ("key-negative", "Keys are text.", "{-1: 2}", True),
    ("key-bytes", "Keys are text.", "{h'61': 2}", True),
    ("key-float", "Keys are text.", "{1.5: 2}", True),
    ("key-nan", "Keys are text.", "{NaN: 2}", True),
    ("key-null", "Keys are text.", "{null: 2}", True),
    ("key-false", "Keys are text.", "{false: 2}", True),
    ("key-true", "Keys are text.", "{true: 2}", True),
    ("key-undefined", "Keys are text.", "{undefined: 2}", True),
    ("key-simple", "Keys are text.", "{simple(1): 2}", True),
    ("key-array", "Keys are text.", "{[]: 2}", True),
    ("key-map", "Keys are text.", "{{}: 2}", True),
    ("key-among-others", "Keys are text, every one.", '{"a": 1, 2: 3}', True),
    ("key-deep", "Keys are text, deeper down too.", '[{"a": [{1: 2}]}]', True),
]

_INTEGERS: list[Refused] = [
    ("int-2-63", "One above the largest integer.", "9223372036854775808", True),
    ("int-2-64", "The largest that CBOR writes without a tag.", "18446744073709551615", True),
    ("int-under-least", "One below the least integer.", "-9223372036854775809", True),
    ("int-minus-2-64", "The least that CBOR writes without a tag.", "-18446744073709551616", True),
    ("int-out-of-range-in-array", "An integer out of range, deeper down.", "[9223372036854775808]", True),
    ("int-out-of-range-in-map", "An integer out of range, deeper down.", '{"a": -9223372036854775809}', True),
]

_TEXT: list[Refused] = [
    ("utf-8-continuation", "A continuation byte alone.", _hex("6180"), False),
    ("utf-8-ff", "A byte that UTF-8 never has.", _hex("61ff"), False),
    ("utf-8-fe", "A byte that UTF-8 never has.", _hex("61fe"), False),
    ("utf-8-cut-2", "A sequence of two bytes, cut.", _hex("61c3"), False),
    ("utf-8-cut-3", "A sequence of three bytes, cut.", _hex("62e6b0"), False),
    ("utf-8-cut-4", "A sequence of four bytes, cut.", _hex("63f09085"), False),
    ("utf-8-cut-by-text", "A sequence cut by the next character.", _hex("62c361"), False),
    ("utf-8-overlong-2", "An overlong NUL, in two bytes.", _hex("62c080"), False),
    ("utf-8-overlong-slash", "An overlong slash, the old way out of a folder.", _hex("62c0af"), False),
    ("utf-8-overlong-3", "An overlong NUL, in three bytes.", _hex("63e08080"), False),
    ("utf-8-overlong-4", "An overlong NUL, in four bytes.", _hex("64f0808080"), False),
    ("utf-8-surrogate-high", "U+D800 alone.", _hex("63eda080"), False),
    ("utf-8-surrogate-low", "U+DFFF alone.", _hex("63edbfbf"), False),
    ("utf-8-surrogate-pair", "A pair of surrogates (CESU-8).", _hex("66eda081edb080"), False),
    ("utf-8-above-last", "U+110000.", _hex("64f4908080"), False),
    ("utf-8-five-bytes", "A sequence of five bytes.", _hex("65f888808080"), False),
    ("utf-8-in-key", "A key that is not UTF-8.", _hex("a161ff01"), False),
    ("utf-8-deep", "Deeper down.", _hex("81a1616161c3"), False),
    ("utf-8-long-text", "The last byte of a long text.", _hex("7864" + "78" * 99 + "c3"), False),
]

_DEPTH: list[Refused] = [
    ("depth-33-arrays", "One too deep.", "[" * 33 + "]" * 33, False),
    ("depth-33-scalar-inside", "33 arrays, and a number.", "[" * 33 + "0" + "]" * 33, False),
    ("depth-33-maps", "One too deep.", '{"a": ' * 32 + "{}" + "}" * 32, False),
    ("depth-33-mixed", "One too deep.", '[{"a": ' * 16 + "[]" + "}]" * 16, False),
    ("depth-33-beside", "Too deep in its last branch alone.", f"[0, {'[' * 32}{']' * 32}]", False),
    ("depth-500", "Much too deep.", _hex("81" * 500 + "00"), False),
    ("depth-5000-open", "Much too deep, and never closed.", _hex("81" * 5000), False),
]

_LENGTHS: list[Refused] = [
    ("length-bytes-2-64", "A length that nothing can have.", _hex("5bffffffffffffffff00"), False),
    ("length-text-2-64", "A length that nothing can have.", _hex("7bffffffffffffffff00"), False),
    ("length-array-2-64", "A length that nothing can have.", _hex("9bffffffffffffffff00"), False),
    ("length-map-2-64", "A length that nothing can have.", _hex("bbffffffffffffffff6161"), False),
    ("length-bytes-2-63", "A length that overflows a signed integer.", _hex("5b800000000000000000"), False),
    ("length-array-2-63", "A length that overflows a signed integer.", _hex("9b800000000000000000"), False),
    ("length-array-2-61", "A length that overflows when multiplied by eight.", _hex("9b200000000000000000"), False),
    ("length-bytes-2-31", "Two gigabytes are announced, one byte comes.", _hex("5a7fffffff00"), False),
    ("length-text-2-31", "Two gigabytes are announced, one byte comes.", _hex("7a7fffffff61"), False),
    ("length-array-2-31", "Two thousand million items are announced, one comes.", _hex("9a7fffffff00"), False),
    ("length-map-2-31", "Two thousand million pairs are announced, one comes.", _hex("ba7fffffff616101"), False),
    ("length-nested", "Each of 31 arrays announces 2^31 items.", _hex("9a7fffffff" * 31), False),
    ("length-map-odd", "A map whose last value is missing.", _hex("a26161016162"), False),
]

_BEHIND: list[Refused] = [
    ("empty", "No bytes at all.", b"", False),
    ("trailing-item", "A second item.", _hex("0000"), False),
    ("trailing-after-array", "A byte behind the array.", _hex("8101f6"), False),
    ("trailing-break", "A break behind the item.", _hex("80ff"), False),
    ("trailing-incomplete", "Half an item behind the item.", _hex("8018"), False),
    ("trailing-newline", "A newline behind the item.", _hex("800a"), False),
]

#: `[["call", 1, "a", {"x": -1.5, "y": h'00'}]]`: a head of each kind, cut behind each of its bytes.
_WHOLE = _hex("81846463616c6c1901f46161a26178fbbff800000000000061794100")


def _cut() -> Iterator[Refused]:
    for length in range(1, len(_WHOLE)):
        yield f"cut-{length:02}", f"The first {length} of {len(_WHOLE)} bytes of a message.", _WHOLE[:length], False


REFUSED: list[Refused] = [
    *_tags(),
    *_INDEFINITE,
    *_SIMPLE,
    *_reserved(),
    *_KEYS,
    *_INTEGERS,
    *_TEXT,
    *_DEPTH,
    *_LENGTHS,
    *_BEHIND,
    *_cut(),
]
