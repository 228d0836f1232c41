"""The law of delivery without any delivery: schedule, addresses, URLs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.delivery.endpoints.schemas import EndpointIn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


# -- addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example.org/ruta", "https://hooks.example.org:8443/a?b=c&d=%20", "https://[2606:4700::1111]/",
     "http://127.0.0.1:8000/hooks/x_y~z", "https://xn--maana-pta.example/"],
)  # fmt: skip
def test_a_plain_url_is_taken(url: str) -> None:
    assert EndpointIn(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//a.example", "ftp://a.example", "javascript:alert(1)", "https://", "https:///a", "https://u@a.example",
        "https://u:p@a.example", "https://:p@a.example", "https://@a.example", "https://a.example#b", "https://a.example.",
        "https://a.example:0", "https://a.example:99999", "https://a.example:x", "https://mañana.example",
        "https://a.example/\nb", "https://a.exa\tmple", "https://a.example/ b", "https://a.example\\@evil.example",
        "https://[::1", "https://a.example/" + "x" * 500, "https://a.example/<script>", 'https://a.example/"',
    ],
)  # fmt: skip
def test_a_crooked_url_is_refused(url: Any) -> None:
    with pytest.raises(ValidationError):
        EndpointIn(url=url)
