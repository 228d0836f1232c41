"""The receiver's page: what arrived, newest first. One self-contained document, no script, no other host."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from sandbox.inbox import Message

_SHOWN = 200

_PAGE = """<!doctype html>
<html lang="es">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ruta: mensajes recibidos</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border: 1px solid #767676; border-left: .5rem solid #1a7f37; padding: 0 1rem; margin: 1rem 0; }}
article.unverified {{ border-left-color: #b3261e; }}
h2 {{ font-size: 1.1rem; margin: .75rem 0 0; }}
p {{ margin: .25rem 0; }}
pre {{ overflow-x: auto; background: #f4f4f4; color: #111; padding: .75rem; }}
</style>
</head>
<body>
<main>
<h1>Mensajes recibidos <span lang="en">/ Messages received</span></h1>
<p>Sistemas ficticios de consulados y autoridades. <span lang="en">Stand-ins for the systems of consulates
and agencies.</span> <a href="/">Actualizar / Refresh</a></p>
{articles}
</main>
</body>
</html>
"""

_ARTICLE = """<article class="{style}">
<h2>{name}: {type}</h2>
<p><strong>{verdict}</strong></p>
<p><time datetime="{time}">{time}</time> · webhook-id <code>{id}</code> · {times} ×</p>
<pre>{body}</pre>
</article>"""


def page(messages: Sequence[Message]) -> str:
    """Render the newest messages; everything that came from outside is escaped."""
    articles = [_article(message) for message in reversed(messages[-_SHOWN:])]
    empty = '<p>Todavía no llegó nada. <span lang="en">Nothing has arrived yet.</span></p>'
    return _PAGE.format(articles="\n".join(articles) or empty)


def _article(message: Message) -> str:
    content = message.content()
    body = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
    fields = {
        "style": "verified" if message.verified else "unverified",
        "name": message.name,
        "type": message.type or "(sin tipo / no type)",
        "verdict": (
            "Firma correcta / Signature verified"
            if message.verified
            else f"No verificado / Not verified: {message.reason}"
        ),
        "time": datetime.fromtimestamp(message.first_at, UTC).isoformat(timespec="seconds"),
        "id": message.id,
        "times": str(message.times),
        "body": body,
    }
    return _ARTICLE.format(**{name: escape(value) for name, value in fields.items()})
