"""Every problem that Ruta can answer with: one table makes the answers, the pages and the tests."""

from typing import NamedTuple


class Text(NamedTuple):
    """One text in the two languages that readers have."""

    en: str
    es: str


class Problem(NamedTuple):
    """A kind of problem: its HTTP status, its title, what causes it and what to do."""

    status: int
    title: Text
    cause: Text
    fix: Text


CATALOGUE: dict[str, Problem] = {
    "invalid_request": Problem(
        422,
        Text("The request is not valid", "La solicitud no es válida"),
        Text(
            "One or more fields are missing, unknown, or not of the documented type or range.",
            "Uno o más campos faltan, son desconocidos o no tienen el tipo o rango documentado.",
        ),
        Text(
            "Correct the fields that `errors` points at (JSON pointers) and send the request again.",
            "Corrija los campos que indica `errors` (punteros JSON) y envíe de nuevo la solicitud.",
        ),
    ),
    "malformed_json": Problem(
        400,
        Text("The body is not acceptable JSON", "El cuerpo no es JSON aceptable"),
        Text(
            "The body is empty, not UTF-8, not JSON, nested deeper than 32 levels, or holds NaN, "
            "Infinity, a NUL character, half a surrogate pair or a repeated key.",
            "El cuerpo está vacío, no es UTF-8, no es JSON, tiene más de 32 niveles, o contiene NaN, "
            "Infinity, un carácter NUL, medio par sustituto o una clave repetida.",
        ),
        Text("Send one JSON value in UTF-8 as RFC 8259 has it.", "Envíe un valor JSON en UTF-8 conforme al RFC 8259."),
    ),
    "unsupported_media_type": Problem(
        415,
        Text("The content type is not supported", "El tipo de contenido no se admite"),
        Text("The body was not declared as JSON.", "El cuerpo no se declaró como JSON."),
        Text("Send `Content-Type: application/json`.", "Envíe `Content-Type: application/json`."),
    ),
    "too_large": Problem(
        413,
        Text("The body is too large", "El cuerpo es demasiado grande"),
        Text("The body is longer than this address accepts.", "El cuerpo supera el límite."),
        Text("Send at most 256 KiB, in parts if need be.", "Envíe a lo más 256 KiB, por partes si hace falta."),
    ),
    "headers_too_large": Problem(
        431,
        Text("The headers are too large", "Los encabezados son demasiado grandes"),
        Text("More than 64 headers, or more than 16 KiB of them.", "Más de 64 encabezados o de 16 KiB."),
        Text("Send fewer or shorter headers.", "Envíe menos encabezados o más cortos."),
    ),
    "bad_host": Problem(
        400,
        Text("The Host header is not acceptable", "El encabezado Host no es aceptable"),
        Text("There is no Host header, or more than one.", "Falta el encabezado Host o hay más de uno."),
        Text("Send exactly one Host header.", "Envíe exactamente un encabezado Host."),
    ),
    "malformed_request": Problem(
        400,
        Text("This is not HTTP", "Esto no es HTTP"),
        Text(
            "The request cannot be read, or could be read in two ways.",
            "La solicitud no se puede leer, o de dos modos.",
        ),
        Text("Send HTTP/1.1 by a common library.", "Envíe HTTP/1.1 con una biblioteca usual."),
    ),
    "misdirected": Problem(
        421,
        Text("This server has another name", "Este servidor tiene otro nombre"),
        Text("The `Host` header names a server that this is not.", "La cabecera `Host` nombra otro servidor."),
        Text("Use the address that you were given for the API.", "Use la dirección de la API que recibió."),
    ),
    "request_timeout": Problem(
        408,
        Text("The request did not arrive in time", "La solicitud no llegó a tiempo"),
        Text("Its body was sent too slowly.", "El cuerpo llegó demasiado despacio."),
        Text("Send it again, with the same Idempotency-Key.", "Envíela de nuevo, con la misma Idempotency-Key."),
    ),
    "unauthenticated": Problem(
        401,
        Text("A valid access token is needed", "Se necesita un token de acceso válido"),
        Text(
            "The token is missing, expired, malformed, or not meant for this API.",
            "El token falta, venció, está mal formado o no es para esta API.",
        ),
        Text(
            "Get a token from `POST /oauth/token` and send it as `Authorization: Bearer …`; one that is "
            "bound to a key as `Authorization: DPoP …`, with a fresh proof for each request.",
            "Obtenga un token en `POST /oauth/token` y envíelo como `Authorization: Bearer …`; si está "
            "ligado a una llave, como `Authorization: DPoP …`, con una prueba nueva en cada solicitud.",
        ),
    ),
    "forbidden": Problem(
        403,
        Text("Your client may not do this", "Su cliente no puede hacer esto"),
        Text(
            "The token lacks the scope or the kind of agency that this operation asks for.",
            "El token carece del alcance o del tipo de institución que exige la operación.",
        ),
        Text(
            "Use a client that has it, or ask your administrator for it.",
            "Use un cliente que lo tenga o pídalo a su administrador.",
        ),
    ),
    "not_found": Problem(
        404,
        Text("There is no such thing", "No existe"),
        Text(
            "Nothing has this address, or your agency may not read it.",
            "Nada tiene esta dirección o su institución no puede leerlo.",
        ),
        Text("Check the address and the id.", "Revise la dirección y el identificador."),
    ),
    "method_not_allowed": Problem(
        405,
        Text("The method is not allowed here", "El método no se permite aquí"),
        Text("This address exists, with other methods.", "La dirección existe, con otros métodos."),
        Text("Use a method that the `Allow` header names.", "Use un método que nombre `Allow`."),
    ),
    "bad_cursor": Problem(
        400,
        Text("The cursor is not valid", "El cursor no es válido"),
        Text(
            "The cursor was changed, or was given for another list or another agency.",
            "El cursor se alteró, o se dio para otra lista u otra institución.",
        ),
        Text("Start the list again without a cursor.", "Comience la lista de nuevo sin cursor."),
    ),
    "conflict": Problem(
        409,
        Text("The request contradicts the present state", "La solicitud contradice el estado actual"),
        Text("Something else was there first.", "Algo estaba ahí antes."),
        Text("Read the present state and decide anew.", "Lea el estado actual y decida de nuevo."),
    ),
    "illegal_move": Problem(
        409,
        Text("This move is not possible now", "Este paso no es posible ahora"),
        Text(
            "The resource is in a state that has no such move.", "El recurso está en un estado que no admite ese paso."
        ),
        Text(
            "Choose one of `allowed_actions`, or read the resource again.",
            "Elija una de `allowed_actions` o lea de nuevo el recurso.",
        ),
    ),
    "refused_by_law": Problem(
        409,
        Text("The law of the route forbids it", "La ley de la ruta lo prohíbe"),
        Text(
            "A rule of the route is not met; `rule` and `source` name it.",
            "No se cumple una regla de la ruta; `rule` y `source` la nombran.",
        ),
        Text(
            "Do first what `detail` asks for; the rules are listed at `/v1/<service>/rules`.",
            "Haga primero lo que pide `detail`; las reglas están en `/v1/<servicio>/rules`.",
        ),
    ),
    "stale_version": Problem(
        412,
        Text("The resource has changed meanwhile", "El recurso cambió entretanto"),
        Text(
            "`If-Match` names a version that is no longer the current one; `current` names that.",
            "`If-Match` nombra una versión que ya no es la actual; `current` la indica.",
        ),
        Text(
            "Read the resource, apply your change to it, and send it with its ETag.",
            "Lea el recurso, aplique su cambio y envíelo con su ETag.",
        ),
    ),
    "precondition_required": Problem(
        428,
        Text("If-Match is needed", "Se necesita If-Match"),
        Text("An update must say which version it was made from.", "Una modificación debe decir de qué versión parte."),
        Text("Send the resource's ETag in `If-Match`.", "Envíe el ETag del recurso en `If-Match`."),
    ),
    "idempotency_key_required": Problem(
        400,
        Text("An Idempotency-Key is needed", "Se necesita Idempotency-Key"),
        Text(
            "Every POST must be safe to repeat, so it needs a key of yours: 1 to 64 of A-Z a-z 0-9 . _ : -",
            "Todo POST debe poder repetirse; necesita una clave suya: de 1 a 64 de A-Z a-z 0-9 . _ : -",
        ),
        Text(
            "Send `Idempotency-Key: <a fresh UUID>`, and the same key when you repeat the request.",
            "Envíe `Idempotency-Key: <un UUID nuevo>` y la misma clave al repetir la solicitud.",
        ),
    ),
    "idempotency_key_reused": Problem(
        422,
        Text("This key belongs to another request", "Esta clave es de otra solicitud"),
        Text(
            "The same Idempotency-Key came earlier with another body.",
            "La misma Idempotency-Key llegó antes con otro cuerpo.",
        ),
        Text("Use a fresh key for a new request.", "Use una clave nueva para una solicitud nueva."),
    ),
    "rate_limited": Problem(
        429,
        Text("Too many requests", "Demasiadas solicitudes"),
        Text("Your client exceeded its rate.", "Su cliente excedió su límite."),
        Text("Wait as long as `Retry-After` says.", "Espere lo que diga `Retry-After`."),
    ),
    "standing_unknown": Problem(
        503,
        Text("Nobody can say now whether the token still counts", "Por ahora no se sabe si el token sigue vigente"),
        Text(
            "The list of revoked and suspended access has not been heard for 30 seconds, so access tokens are refused.",
            "Hace más de 30 segundos que no llega la lista de accesos revocados y suspendidos; "
            "por eso se rechazan los tokens de acceso.",
        ),
        Text(
            "Send the request again, with the same Idempotency-Key, after the seconds in Retry-After.",
            "Envíe de nuevo la solicitud, con la misma Idempotency-Key, tras los segundos de Retry-After.",
        ),
    ),
    "unavailable": Problem(
        503,
        Text("Not available right now", "No disponible por ahora"),
        Text(
            "The database or a service that this operation needs does not answer. Nothing was changed.",
            "La base de datos o un servicio necesario no responde. Nada cambió.",
        ),
        Text(
            "Repeat the request, with the same Idempotency-Key, after `Retry-After` seconds.",
            "Repita la solicitud, con la misma Idempotency-Key, tras `Retry-After` segundos.",
        ),
    ),
    "upstream_unavailable": Problem(
        502,
        Text("The service behind the gateway does not answer", "El servicio detrás del portal no responde"),
        Text(
            "The connection failed before an answer came. The request may or may not have been carried out.",
            "La conexión falló antes de la respuesta. La solicitud pudo o no haberse realizado.",
        ),
        Text(
            "Repeat it with the same Idempotency-Key: it takes effect once.",
            "Repítala con la misma Idempotency-Key: surte efecto una sola vez.",
        ),
    ),
    "upstream_timeout": Problem(
        504,
        Text("The service behind the gateway is too slow", "El servicio detrás del portal tarda demasiado"),
        Text("No answer came within the deadline.", "No hubo respuesta dentro del plazo."),
        Text(
            "Repeat it with the same Idempotency-Key: it takes effect once.",
            "Repítala con la misma Idempotency-Key: surte efecto una sola vez.",
        ),
    ),
    "internal_error": Problem(
        500,
        Text("Something failed on our side", "Algo falló de nuestro lado"),
        Text("An error that we did not foresee. Nothing was changed.", "Un error no previsto. Nada cambió."),
        Text(
            "Report the request id to the administrator; repeat with the same Idempotency-Key.",
            "Informe el identificador de solicitud al administrador; repita con la misma Idempotency-Key.",
        ),
    ),
}
"""Codes are stable: partners program against them. A code is never renamed or given another status."""
