"""Plain pages for people: no script, no outside host, Spanish beside English."""

import base64
import hashlib
import html
import re
from typing import Any

from fastapi.responses import HTMLResponse

from shared.catalogue import Text

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2rem; }
code, pre { font: .9em ui-monospace, monospace; } pre { overflow-x: auto; padding: 1rem; border: 1px solid #8886; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .35rem 1rem .35rem 0; }
[lang=en] { opacity: .8; } footer { margin-top: 3rem; opacity: .7; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
AS_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}
"""What a route says in the description that answers with a page too."""
_CODE = re.compile(r"`([^`]+)`")
_FOOTER = (
    '<footer><a href="/docs">API</a> · <a href="/errors">Errores · Errors</a> · '
    '<a href="/status">Estado · Status</a></footer>'
)


def page(title: Text, body: str, *, cache: str = "no-store") -> HTMLResponse:
    """Return a page. `body` is HTML; everything in it that is not ours went through `escaped`."""
    head = (
        '<!doctype html><html lang="es"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title.es)} · Ruta</title><style>{_STYLE}</style></head><body>"
    )
    heading = f'<h1>{escaped(title.es)}<br><span lang="en">{escaped(title.en)}</span></h1>'
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    headers |= {"Cache-Control": cache, "Vary": "Accept"}
    return HTMLResponse(f"{head}{heading}{body}{_FOOTER}</body></html>", headers=headers)


def escaped(text: str) -> str:
    """Return `text` for use in HTML."""
    return html.escape(text)


def prose(text: Text) -> str:
    """Return a text in both languages, as paragraphs, with what stands in backquotes as code."""
    return f"<p>{_marked(text.es)}</p><p lang='en'>{_marked(text.en)}</p>"


def _marked(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escaped(text))


def wants_html(accept: str) -> bool:
    """Whether the client is a browser, by its Accept header."""
    return "text/html" in accept


def wants_json(accept: str) -> bool:
    """Whether the client asks for JSON and not for a page."""
    return "json" in accept and not wants_html(accept)
