"""The pages of the dashboard. Only ``gept up`` and ``gept dashboard`` have them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import Answers
from .asgi import AsgiServer
from .board import Board
from .entrance import Entrance
from .ports import Ports
from .routes import application

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
TYPES = {
    "dashboard.css": "text/css",
    "dashboard.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
SHUT = {
    "error": "this needs the token of DASHBOARD_TOKEN",
    "remedy": "send the header Authorization: Bearer TOKEN, or enter it at /",
}


def server(
    ports: Ports, answers: Answers, board: Board, token: Callable[[], str | None]
) -> AsgiServer:
    """Return what serves the dashboard beside what every port answers; ``token`` opens it."""
    return AsgiServer(ports, application(answers, routes(board, token)))


def routes(board: Board, token: Callable[[], str | None]) -> list[Route]:
    """Return the routes of the dashboard."""
    entrance = Entrance(token)
    page, login = _page("index.html"), _page("login.html")

    async def index(request: Request) -> Response:
        return page() if entrance.lets_in(request) else login(401)

    async def enter(request: Request) -> Response:
        return await entrance.enter(request, login(403))

    async def status(request: Request) -> Response:
        if entrance.lets_in(request):
            return Response(await board.answer(), media_type="application/json")
        return JSONResponse(SHUT, status_code=401, headers={"WWW-Authenticate": "Bearer"})

    return [
        Route("/", index, methods=["GET"]),
        Route("/login", enter, methods=["POST"]),
        Route("/api/status", status, methods=["GET"]),
        *(Route(f"/{name}", _file(name, kind)) for name, kind in TYPES.items()),
    ]


def _page(name: str) -> Callable[..., Response]:
    """Return what makes the answer with a page, which may load nothing but our own files."""
    content = _read(name)

    def answer(status: int = 200) -> Response:
        headers = {"Content-Security-Policy": POLICY}
        return Response(content, status, headers, "text/html")

    return answer


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = _read(name)

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


def _read(name: str) -> bytes:
    return files(__package__).joinpath("static", name).read_bytes()
