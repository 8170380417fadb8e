"""The answers as an application of Starlette, beside which there may be pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .answers import HEADERS, Answer, Answers

RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def application(answers: Answers, pages: Sequence[Route] = ()) -> Starlette:
    """Return the web application; ``pages`` go before its own."""
    own = [Route(path, _endpoint(answer)) for path, answer in answers.paths.items()]
    return Starlette(routes=[*pages, *own], middleware=[Middleware(_Headers)])


def _endpoint(answer: Callable[[], Answer]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        found = answer()
        return Response(found.body, found.status, media_type=found.media_type)

    return endpoint


class _Headers:
    """Adds the headers of every answer where an answer does not have its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in RAW_HEADERS if each[0] not in given]
            await send(message)

        await self._app(scope, receive, send_with_headers)
