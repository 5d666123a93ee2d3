"""Every route that the extension adds, found by asking the server, must ask who calls."""

import inspect

import pytest
from tornado.httpclient import HTTPClientError

from nbprod.server.handlers import ROUTES, NbprodHandler

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


def own_routes(serverapp):
    """All (pattern, handler class) pairs of our package in the running application."""
    found = []
    for group in serverapp.web_app.default_router.rules:
        rules = getattr(group.target, "rules", [])
        for rule in rules:
            handler = rule.target
            if inspect.isclass(handler) and handler.__module__.startswith("nbprod."):
                found.append((rule.matcher.regex.pattern, handler))
    return found


async def test_the_server_has_exactly_the_routes_we_check(jp_serverapp):
    handlers = {handler for _, handler in own_routes(jp_serverapp)}
    assert handlers == {handler for _, handler in ROUTES}
    assert len(handlers) == 4


IMPLEMENTED = [
    pytest.param(route, handler, method, id=f"{method} {route}")
    for route, handler in ROUTES
    for method in METHODS
    if method in vars(handler)
]


@pytest.mark.parametrize(("route", "handler", "method"), IMPLEMENTED)
async def test_every_method_refuses_a_stranger(jp_fetch, jp_serverapp, route, handler, method):
    path = route.replace("([0-9a-f]+)", "abc").replace("([^/]+)", "churn")
    body = "{}" if method == "post" else None
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(
            *path.split("/"),
            method=method.upper(),
            body=body,
            headers={"Authorization": "token wrong"},
        )
    assert refused.value.code == 403


@pytest.mark.parametrize(("route", "handler", "method"), IMPLEMENTED)
async def test_every_method_asks_the_authorizer(
    jp_fetch, jp_serverapp, monkeypatch, route, handler, method
):
    asked = []

    def refuse(self, current_handler, user, action, resource):
        asked.append((action, resource))
        return False

    monkeypatch.setattr(type(jp_serverapp.authorizer), "is_authorized", refuse)
    path = route.replace("([0-9a-f]+)", "abc").replace("([^/]+)", "churn")
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(
            *path.split("/"), method=method.upper(), body="{}" if method == "post" else None
        )
    assert refused.value.code == 403
    assert asked[-1][1] == "nbprod"


@pytest.mark.parametrize(("route", "handler"), ROUTES)
def test_no_method_is_exempt(route, handler):
    assert issubclass(handler, NbprodHandler)
    for method in METHODS:
        if method in vars(handler):
            assert not getattr(vars(handler)[method], "__allow_unauthenticated", False)
