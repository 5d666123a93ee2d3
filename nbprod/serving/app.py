"""The service's HTTP application, a plain Starlette app: any ASGI server can run it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from importlib import resources

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbprod.errors import NbprodError
from nbprod.model.contract import example_row
from nbprod.model.row_schema import row_schema
from nbprod.monitor.hooks import Exchange, ServedModel
from nbprod.monitor.plugins import Monitor
from nbprod.serving.access import OPEN_ROUTES, Access
from nbprod.serving.limits import Limits
from nbprod.serving.notebook_lines import NotebookLines
from nbprod.serving.openapi import openapi_document
from nbprod.serving.predict import Predictor
from nbprod.serving.problem import Problem, problem_response
from nbprod.serving.scorer import Desk, Scorer

logger = logging.getLogger("nbprod.serving")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Loaded:
    """What is there once the model is loaded."""

    def __init__(
        self,
        model: ServedModel,
        scorer: Scorer,
        monitor: Monitor,
        limits: Limits,
        lines: NotebookLines = NotebookLines(),  # noqa: B008 - frozen
    ) -> None:
        self.model = model
        self.monitor = monitor
        self.desk = Desk(limits)
        self.predictor = Predictor(model, scorer, monitor, limits, self.desk, lines)
        contract = scorer.contract
        document = openapi_document(model, contract, limits)
        self.openapi = msgspec.json.encode(document)
        self.schema = msgspec.json.encode(
            {
                **msgspec.to_builtins(contract),
                "service": model.name,
                "model": str(model),
                "row_schema": row_schema(contract),
                "example": {"rows": [example_row(contract)]},
            }
        )


class ServiceApp:
    """Routes of the service, and the gate before them.

    Args:
        load: Loads the model; called once, when the server starts.
        access: Who may ask.
        lines: Which cell of the notebook each line of the package came from.
    """

    def __init__(
        self,
        load: Callable[[], Loaded],
        access: Callable[[], Access],
        lines: NotebookLines = NotebookLines(),  # noqa: B008 - frozen
    ) -> None:
        self._lines = lines
        self._load = load
        self._make_access = access
        self._access: Access | None = None
        self._loaded: Loaded | None = None
        self._failure = ""
        self.starlette = Starlette(
            routes=[
                Route("/", self._root, methods=["GET"]),
                Route("/predict", self._predict, methods=["POST"]),
                Route("/schema", self._schema, methods=["GET"]),
                Route("/openapi.json", self._openapi, methods=["GET"]),
                Route("/docs", self._docs, methods=["GET"]),
                Route("/livez", self._livez, methods=["GET"]),
                Route("/readyz", self._readyz, methods=["GET"]),
                Route("/metrics", self._metrics, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _http_error, Problem: _problem, Exception: _broken},
            lifespan=self._lifespan,
        )
        self.starlette.router.redirect_slashes = False
        self._paths = frozenset(
            route.path for route in self.starlette.routes if isinstance(route, Route)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, if its sender may ask, and tell the monitor."""
        if scope["type"] != "http":
            await self.starlette(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            app: ASGIApp = self.starlette
            refused = None
            if scope["path"] not in OPEN_ROUTES:
                refused = self._check(scope)
            if refused is not None:
                app = problem_response(refused)
            await app(scope, receive, watched)
        except Exception as error:
            # Answered already (see _broken); what went wrong belongs into the log alone.
            place = self._lines.place(error)
            logger.exception("a request failed%s", f" in {place}" if place else "")
        finally:
            if self._loaded is not None:
                path, method = scope["path"], scope["method"]
                route = path if path in self._paths else "unmatched"
                method = method if method in _METHODS else "OTHER"
                seconds = time.perf_counter() - started
                exchange = Exchange(route, method, status, seconds, self.access.source(scope))
                self._loaded.monitor.exchange_done(exchange)

    def _check(self, scope: Scope) -> Problem | None:
        if self._failure:
            return Problem(503, "cannot-answer", self._failure)
        return self.access.check(scope)

    @property
    def access(self) -> Access:
        """The rule of who may ask, read from the environment when first needed."""
        if self._access is None:
            self._access = self._make_access()
        return self._access

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        try:
            assert self.access is not None
            loaded = self._load()
        except NbprodError as error:
            # Up but never ready, and it says why: a worker that ends would be started
            # again and again, each time with a traceback.
            self._failure = f"{error.message}. {error.fix}".strip()
            logger.error("the service cannot answer: %s", self._failure)
            yield
            return
        self._loaded = loaded
        loaded.monitor.service_started(loaded.model)
        logger.info("%s answers", loaded.model)
        try:
            yield
        finally:
            loaded.desk.close()
            loaded.monitor.service_stopped(loaded.model)

    def _ready(self) -> Loaded:
        if self._failure:
            raise Problem(503, "cannot-answer", self._failure)
        if self._loaded is None:
            raise Problem(503, "not-ready", "the model is not loaded yet")
        return self._loaded

    async def _root(self, request: Request) -> Response:
        del request
        return RedirectResponse("docs", 307)

    async def _predict(self, request: Request) -> Response:
        source = self.access.source(request.scope)
        return await self._ready().predictor.answer(request, source)

    async def _schema(self, request: Request) -> Response:
        del request
        return Response(self._ready().schema, media_type="application/json")

    async def _openapi(self, request: Request) -> Response:
        del request
        return Response(self._ready().openapi, media_type="application/json")

    async def _docs(self, request: Request) -> Response:
        del request
        page = resources.files("nbprod.serving").joinpath("docs.html").read_text("utf-8")
        if self.access.needs_key:  # the page's curl line then names it
            page = page.replace('<body data-key="no">', '<body data-key="needed">', 1)
        headers = {"Content-Security-Policy": _PAGE_POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(page, media_type="text/html", headers=headers)

    async def _livez(self, request: Request) -> Response:
        del request
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def _readyz(self, request: Request) -> Response:
        del request
        model = str(self._ready().model)
        document = {"status": "ready", "model": model}
        return Response(msgspec.json.encode(document), media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        del request
        text, media_type = self._ready().monitor.exposition()
        return Response(text, headers={"Content-Type": media_type})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http-error")
    text = {
        404: "there is no such route; GET /openapi.json lists them",
        405: f"this route does not take {request.method[:20]}",
    }.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    return problem_response(Problem(error.status_code, code, text, headers=headers))


async def _problem(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, Problem)
    return problem_response(error)


async def _broken(request: Request, error: Exception) -> Response:
    del request, error
    return problem_response(Problem(500, "internal-error", "the service failed; its log says why"))
