"""What may pass the door, as pure functions under random input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import hygiene, upstreams
from shared.errors import Invalid

SAFE = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~:@-/"


@given(st.binary(max_size=60))
def test_whatever_passes_as_a_path_has_one_reading_only(rest: bytes) -> None:
    path = b"/v1/intake/" + rest
    if upstreams.service_of(path) is not None:
        assert set(path) <= set(SAFE)
        assert b"//" not in path
        assert not {b".", b".."} & set(path.split(b"/"))
        assert not path.endswith(b"/")


@given(st.from_regex(rb"(/[A-Za-z0-9._~:@-]{1,20}){1,5}", fullmatch=True))
def test_every_plain_path_belongs_to_the_service_that_it_names(rest: bytes) -> None:
    dotted = {b".", b".."} & set(rest.split(b"/"))
    for prefix, service in upstreams.UPSTREAMS.items():
        assert upstreams.service_of(prefix.encode()[:-1] + rest) == (None if dotted else service)


@pytest.mark.parametrize("path", ["/v1/intake/MX-CHP", "/v1/referral/cases/cas_0a/close", "/v1/consular/openapi.json"])
def test_real_paths_pass(path: str) -> None:
    assert upstreams.service_of(path.encode()) == path.split("/")[2]


names = st.sampled_from(sorted(hygiene.REQUEST_HEADERS | hygiene.ANSWER_HEADERS | {b"cookie", b"te", b"x_y", b"host"}))


@given(st.lists(st.tuples(names, st.binary(max_size=20)), max_size=12))
def test_no_header_passes_that_is_not_listed_or_not_plain(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        kept = hygiene.request_headers(headers)
    except Invalid:
        return
    assert {name for name, _ in kept} <= hygiene.REQUEST_HEADERS
    assert all(value.decode("ascii").isprintable() or "\t" in value.decode("ascii") for _, value in kept)
    assert {name for name, _ in hygiene.answer_headers(headers, 200)} <= hygiene.ANSWER_HEADERS


@given(st.lists(st.tuples(names, st.binary(max_size=20)), max_size=6), st.sampled_from(["GET", "HEAD", "POST"]))
def test_what_is_remembered_of_headers_is_what_they_say(headers: list[tuple[bytes, bytes]], method: str) -> None:
    for _ in range(2):
        head = hygiene.head(method, headers)
        assert repr(head.refusal) == repr(hygiene.refusal(headers, b""))
        assert head.names == {name for name, _ in headers}
        said = dict(headers[::-1]).get(b"host")
        assert (head.host is None) == (said is None)
        assert not head.host or head.host in hygiene.hosts([(said or b"").decode("latin-1")])  # empty: no host's name
        try:
            kept = hygiene.request_headers(headers)
        except Invalid:
            with pytest.raises(Invalid):
                _ = head.passed
        else:
            assert (head.passed.pairs, head.passed.lines) == (kept, hygiene.lines(kept))


def test_a_host_that_is_no_name_is_none_of_this_servers() -> None:
    assert hygiene.head("GET", [(b"host", b"no name")]).host not in hygiene.hosts(
        ["gateway.example", "no name", "-\x80"]
    )


def test_headers_of_one_request_are_never_taken_for_those_of_another() -> None:
    one, other = [[(b"host", b"a"), (b"authorization", value)] for value in (b"Bearer a", b"Bearer b")]
    assert hygiene.head("GET", one) is hygiene.head("GET", list(one))
    assert hygiene.head("GET", other).passed.pairs == [(b"authorization", b"Bearer b")]
    assert hygiene.head("POST", one) is not hygiene.head("POST", one)


@given(st.lists(st.tuples(names, st.binary(max_size=20)), max_size=6), st.binary(max_size=40))
def test_no_input_breaks_the_door(headers: list[tuple[bytes, bytes]], query: bytes) -> None:
    refusal = hygiene.refusal(headers, query)
    if refusal is None:
        assert query.decode("ascii").isprintable() or not query
        assert b"#" not in query
        assert b"access_token=" not in query.lower()
