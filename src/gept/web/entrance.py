"""Who may see the dashboard: whoever has the token, in a header or in a cookie that it gave."""

from __future__ import annotations

import hmac
from asyncio import sleep
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

COOKIE = "gept"
LASTS = 30 * 86_400
LONGEST_FORM = 4096
DELAY = 0.5
"""Seconds that a wrong token costs."""


class Entrance:
    """Lets in everybody where there is no token.

    ``token`` gives the one that holds now; with another, the cookies of the last one end.
    """

    def __init__(self, token: Callable[[], str | None]) -> None:
        self._token = token

    def lets_in(self, request: Request) -> bool:
        """Tell whether a request has the token, or the cookie that it gave."""
        token = self._token()
        if token is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), token):
            return True
        return _same(request.cookies.get(COOKIE, ""), _seal(token))

    async def enter(self, request: Request, refused: Response) -> Response:
        """Answer the form with the token: a cookie, or ``refused``."""
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST_FORM:
                return refused
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        token = self._token()
        if token is None or _same(given.strip(), token):
            return _welcome(request, token)
        await sleep(DELAY)
        return refused


def _welcome(request: Request, token: str | None) -> Response:
    answer = RedirectResponse("/", status_code=303)
    if token is not None:
        answer.set_cookie(
            COOKIE,
            _seal(token),
            max_age=LASTS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return answer


def _seal(token: str) -> str:
    """Return what a cookie holds: nobody can make it without the token, nor the token of it."""
    return hmac.new(token.encode(), b"gept dashboard", sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
