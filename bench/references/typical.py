"""The gateway that most would write first: FastAPI, a catch-all route, httpx.AsyncClient, StreamingResponse.

No token check, no limits, no log line: less than ours does.
"""

import os

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

_HOP = {"host", "connection", "keep-alive", "transfer-encoding"}
app = FastAPI()
client = httpx.AsyncClient(base_url=os.environ.get("UPSTREAM", "http://127.0.0.1"), timeout=10)


@app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def forward(path: str, request: Request) -> StreamingResponse:
    """Send the request on, and its answer back."""
    asked = client.build_request(
        request.method,
        f"/{path}",
        params=request.query_params,
        headers={name: value for name, value in request.headers.items() if name not in _HOP},
        content=request.stream() if request.method != "GET" else None,
    )
    answer = await client.send(asked, stream=True)
    headers = {name: value for name, value in answer.headers.items() if name not in _HOP}
    return StreamingResponse(answer.aiter_raw(), answer.status_code, headers, background=BackgroundTask(answer.aclose))
