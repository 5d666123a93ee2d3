"""The routes. They parse, call and answer; nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from nbprod.server.notebook_path import local_notebook
from nbprod.server.problem import Problem
from nbprod.server.runs import DeployRuns
from nbprod.server.services import Services

# Shorter than the read timeout of any proxy that we know (nginx: 60 s).
LONG_POLL_SECONDS = 25.0


class NbprodHandler(APIHandler):
    """What all routes share: who may call them, and how errors look."""

    auth_resource = "nbprod"

    def initialize(self, runs: DeployRuns, services: Services) -> None:
        """Take the parts behind the routes from the extension."""
        self.runs = runs
        self.services = services

    def json_body(self) -> Mapping[str, object]:
        """Return the request's body, which must be a JSON object.

        Raises:
            Problem: 400 if it is not.
        """
        try:
            body = json.loads(self.request.body or b"null")
        except ValueError as error:
            raise Problem(400, f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise Problem(400, 'the body must be a JSON object such as {"path": "churn.ipynb"}')
        return body

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401  tornado's
        """Answer any error as ``{"message", "fix"}``."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Problem):
            document = error.as_json()
        elif isinstance(error, web.HTTPError):
            text = error.log_message or error.reason or self._reason
            document = {"message": text, "fix": ""}
        else:
            document = {"message": self._reason, "fix": "see the server's log"}
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(document))


class DeploymentsHandler(NbprodHandler):
    """``/nbprod/deployments``: start a deploy; list them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the snapshots of all runs, newest first."""
        self.finish(json.dumps({"runs": self.runs.snapshots()}))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Start a deploy of ``{"path", "parameters"?}``; answer 202 with its snapshot."""
        path, parameters = _deploy_request(self.json_body())
        notebook = await local_notebook(self.contents_manager, path)
        run = self.runs.start(path, notebook, parameters)
        self.set_status(202)
        self.set_header("Location", f"{self.base_url}nbprod/deployments/{run.state.id}")
        self.finish(json.dumps(run.state.as_json()))


class DeploymentHandler(NbprodHandler):
    """``/nbprod/deployments/ID``: follow or cancel one deploy."""

    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Answer the snapshot; with ``?after=SEQ`` only once it is newer, or after 25 s."""
        run = self.runs.find(run_id)
        after = self.get_query_argument("after", "")
        if after and not after.isdecimal():
            raise Problem(400, "`after` must be the seq of an earlier snapshot")
        document = await run.news(int(after), LONG_POLL_SECONDS) if after else run.state.as_json()
        self.finish(json.dumps(document))

    @web.authenticated
    @authorized
    async def delete(self, run_id: str) -> None:
        """Begin to cancel the run; answer 202 with its snapshot."""
        run = self.runs.cancel(run_id)
        self.set_status(202)
        self.finish(json.dumps(run.state.as_json()))


class ServicesHandler(NbprodHandler):
    """``/nbprod/services``: what is deployed."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer what ``nbprod status --json`` says."""
        self.finish(json.dumps(await self.services.status()))


class ServiceStopHandler(NbprodHandler):
    """``/nbprod/services/NAME/stop``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Stop a service; answer what ``nbprod stop --json`` says."""
        self.finish(json.dumps(await self.services.stop(name)))


def _deploy_request(body: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """Check the body of a deploy request and return path and parameters."""
    unknown = sorted(set(body) - {"path", "parameters"})
    if unknown:
        raise Problem(400, f"unknown field {unknown[0]!r}", fix="send `path` and `parameters` only")
    path = body.get("path")
    if not isinstance(path, str) or not path:
        raise Problem(400, "`path` must name the notebook", fix='send {"path": "churn.ipynb"}')
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise Problem(400, "`parameters` must be an object of names and values")
    for name in parameters:
        if not name.isidentifier():
            raise Problem(400, f"{name!r} cannot be a parameter's name")
    return path.strip("/"), parameters


ROUTES: tuple[tuple[str, type[NbprodHandler]], ...] = (
    (r"nbprod/deployments", DeploymentsHandler),
    (r"nbprod/deployments/([0-9a-f]+)", DeploymentHandler),
    (r"nbprod/services", ServicesHandler),
    (r"nbprod/services/([^/]+)/stop", ServiceStopHandler),
)
