"""Ed25519 verification as RFC 8032 writes it, in plain arithmetic: owes nothing to any library. Slow; not for use."""

import hashlib

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def plus(a: Point, b: Point) -> Point:
    cross = D * a[0] * b[0] * a[1] * b[1] % P
    return (
        (a[0] * b[1] + b[0] * a[1]) * pow(1 + cross, -1, P) % P,
        (a[1] * b[1] + a[0] * b[0]) * pow(1 - cross, -1, P) % P,
    )


def times(number: int, point: Point) -> Point:
    total = (0, 1)
    for bit in bin(number)[2:]:
        total = plus(total, total)
        total = plus(total, point) if bit == "1" else total
    return total


def decoded(raw: bytes) -> Point:
    value = int.from_bytes(raw, "little")
    y, sign = value % 2**255, value >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square, "not on the curve"
    return (x if x % 2 == sign else P - x, y)


def accepts(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verify as RFC 8032, 5.1.7, writes it: S·B = R + k·A."""
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    base = decoded((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    return s < Q and times(s, base) == plus(decoded(signature[:32]), times(k, decoded(public)))
