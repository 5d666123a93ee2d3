"""The BentoML service around the application: which model, and how it starts."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from nbprod.errors import UsageError
from nbprod.monitor.hooks import ServedModel
from nbprod.monitor.plugins import Monitor
from nbprod.serving.access import access_from_environment
from nbprod.serving.app import Loaded, ServiceApp
from nbprod.serving.limits import limits_from_environment
from nbprod.serving.notebook_lines import read_lines
from nbprod.serving.scorer import load_scorer

logger = logging.getLogger("nbprod.serving")

TIMEOUT_SECONDS = 600
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_NOT_OWN = frozenset({"nbprod", "bentoml", "service"})


def bento_service(name: str) -> Any:  # noqa: ANN401 - bentoml.Service, untyped
    """Make the BentoML service of a generated project; its ``service.py`` calls this.

    Inside a Bento it answers with the model that the Bento pins. In a project
    folder (``bentoml serve service:service``) it takes the newest model of that
    name from the BentoML store.

    Args:
        name: Name of the service, and of its model in the store.

    Returns:
        A ``bentoml.Service``.
    """
    import bentoml

    folder = _folder_of_caller(sys._getframe(1).f_globals.get("__file__"))
    _forget_modules_of_other_folders(folder)
    for variable in _THREAD_VARIABLES:
        # Workers inherit it: OpenMP and BLAS read it once, when they are loaded.
        os.environ.setdefault(variable, "1")

    def load() -> Loaded:
        return _load(service, name, folder)

    app = ServiceApp(load, access_from_environment, read_lines(folder))

    class NbprodService:
        """Predictions of a model from a notebook."""

    service = bentoml.service(
        name=name,
        metrics={"enabled": False},
        logging={"access": {"enabled": False}},
        traffic={"timeout": TIMEOUT_SECONDS},
    )(NbprodService)
    # Mounted, so that BentoML knows the routes and runs the app's start and end; in
    # front of everything else too, so that no route of BentoML's goes past the gate.
    service.mount_asgi_app(app.starlette, path="/")
    service.add_asgi_middleware(_InFront, front=app)
    return service


class _InFront:
    """Hand all requests to the application; the rest (lifespan) to BentoML."""

    def __init__(self, app: Any, front: ServiceApp) -> None:  # noqa: ANN401 - ASGI
        self._behind = app
        self._front = front

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        target = self._front if scope["type"] == "http" else self._behind
        await target(scope, receive, send)


def _load(service: Any, name: str, folder: Path) -> Loaded:  # noqa: ANN401 - bentoml.Service
    _separate_metrics()
    model_folder, version = _find_model(service, name)
    return load_package(model_folder, name, version, folder)


def load_package(model_folder: Path, name: str, version: str, folder: Path) -> Loaded:
    """Load a packaged model for the application.

    Args:
        model_folder: Folder of the packaged model.
        name: Name of the service.
        version: Its version.
        folder: Where the author's own modules lie.

    Raises:
        NbprodError: It cannot be loaded here.
    """
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    scorer = load_scorer(model_folder, own_modules(folder))
    package = scorer.package
    model = ServedModel(
        name=name,
        version=version,
        task=scorer.contract.task,
        classes=scorer.contract.classes or (),
        run_id=package.run_id,
        framework=package.libraries.get("scikit-learn", ""),
    )
    return Loaded(model, scorer, Monitor(), limits_from_environment(), read_lines(folder))


def _find_model(service: Any, name: str) -> tuple[Path, str]:  # noqa: ANN401 - bentoml.Service
    """Find the packaged model: the Bento's own, else the newest of that name."""
    import bentoml
    from bentoml.exceptions import NotFound

    bento = service.bento
    if bento is None:
        tag, version = f"{name}:latest", ""
    else:
        tags = [str(model.tag) for model in bento.info.all_models]
        if len(tags) != 1:
            raise UsageError(f"the Bento {bento.tag} pins {len(tags)} models instead of one")
        tag, version = tags[0], str(bento.tag.version)
    try:
        model = bentoml.models.get(tag)
    except NotFound as error:
        raise UsageError(
            f"the BentoML store has no model {tag}", fix="Run `nbprod build` first."
        ) from error
    return Path(model.path), version or str(model.tag.version)


def own_modules(folder: Path) -> frozenset[str]:
    """Name the author's own top-level modules beside a ``service.py``."""
    files = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/*.py")}
    return frozenset(name for name in files | packages if name.isidentifier()) - _NOT_OWN


def _folder_of_caller(file: object) -> Path:
    return Path(file).resolve().parent if isinstance(file, str) else Path.cwd()


def _forget_modules_of_other_folders(folder: Path) -> None:
    """Unload modules named like ours that came from elsewhere.

    ``bentoml serve churn:VERSION`` first tries to import a module ``churn`` from the
    folder it was started in: the project's, if that is where the user stands.
    """
    own = own_modules(folder)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in own:
            continue
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        known = [Path(place).resolve() for place in places if isinstance(place, str)]
        if known and not any(place.is_relative_to(folder) for place in known):
            del sys.modules[name]


def _separate_metrics() -> None:
    """Give the workers of this server a metrics folder of their own.

    BentoML's is one for all services of a user, and each one that starts empties it.
    """
    import psutil
    from bentoml import server_context

    if server_context.worker_index is None or not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return
    parent = psutil.Process(os.getppid())
    root = Path(tempfile.gettempdir()) / f"nbprod-metrics-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    status = root.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        root = Path(tempfile.mkdtemp(prefix="nbprod-metrics-"))
    for old in root.iterdir():
        pid = old.name.partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{parent.pid}-{int(parent.create_time())}"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
