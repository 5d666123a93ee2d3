"""Rewrites ``x.fit(...)`` so that the call is noted, with no frame of ours around it.

``x.fit(a, k=b)`` becomes ``done(begin(x, n).fit(*positional(a), **keywords(k=b)), n)``:
the bound method is still called from the user's own frame, so tracebacks, warning
stack levels and ``super()`` are as without us. Each hook is looked up in
``sys.modules`` with a neutral fallback, because functions travel by value to
processes that never loaded the runtime (joblib's workers, for one).
"""

from __future__ import annotations

import ast
import itertools
from typing import TypeVar

OBSERVED = frozenset({"fit", "partial_fit", "fit_transform", "transform", "fit_predict"})
READERS = frozenset(
    {"read_parquet", "read_feather", "read_orc", "read_hdf", "read_table", "read_ipc", "read_avro"}
    | {"read_csv_auto", "read_ndjson", "read_database", "read_sas", "read_stata", "read_spss"}
    | {"scan_parquet", "scan_csv", "scan_ipc", "scan_ndjson", "ParquetFile", "ParquetDataset"}
    | {"HDFStore", "File", "open_dataset", "open_mfdataset", "imread", "read_file", "memory_map"}
    | {"dataset", "read_csv", "read_json", "read_excel", "read_delta", "scan_delta", "read_pandas"}
    | {"read_metadata", "read_schema", "read_parquet_schema", "from_csv", "OSFile"}
    | {"open_csv", "open_json", "open_file", "open_stream", "open_zarr", "open_dataarray"}
    | {"input_stream", "ORCFile", "parquet_dataset", "read_csv_batched", "read_ipc_stream"}
    | {"read_ipc_schema", "read_parquet_metadata", "scan_pyarrow_dataset", "scan_iceberg"}
    | {"load_model", "Booster", "DMatrix", "Pool", "mmread", "mminfo", "truetype", "FT2Font"}
)
"""Readers that may open files in C, past Python: Arrow, HDF5, DuckDB, polars and others."""

WRITERS = frozenset(
    {"to_parquet", "to_feather", "to_orc", "to_hdf", "to_netcdf", "to_zarr", "to_file"}
    | {"write_table", "write_feather", "write_parquet", "write_csv", "write_dataset", "write_ipc"}
    | {"write_to_dataset", "write_ndjson", "write_avro", "write_json", "write_metadata"}
    | {"ParquetWriter", "ORCWriter", "CSVWriter", "FileOutputStream", "OSFile", "output_stream"}
    | {"sink_parquet", "sink_csv", "sink_ipc", "sink_ndjson", "write_excel", "write_delta"}
    | {"imwrite", "imsave", "save_model", "HDFStore", "File"}
)
"""Writers that may open files in C, past Python."""

CHANGERS = frozenset({"to_hdf", "to_zarr", "to_file", "HDFStore", "File", "OSFile"})
"""Writers that may leave in a file what was there."""

PAST_PYTHON = frozenset(
    {"pyarrow", "polars", "h5py", "xarray", "zarr", "geopandas", "pyogrio", "deltalake"}
    | {"fastparquet", "pyreadstat", "imageio", "skimage", "soundfile", "torchaudio", "torchvision"}
    | {"lightgbm", "xgboost", "catboost", "connectorx"}
)
"""Libraries that open files in C."""

_READING = ("read", "scan", "open", "load")

GENERATORS = frozenset(
    {"RandomState", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "seed"}
)
"""What takes a seed from the system if it is given none."""

MOMENTS = frozenset(
    {
        "Timestamp",
        "to_datetime",
        "datetime64",
        "date_range",
        "bdate_range",
        "Period",
        "period_range",
    }
    | {"DatetimeIndex"}
)
"""What understands the texts of :data:`NOW`."""

NOW = frozenset({"now", "today"})
"""Texts that pandas and numpy take for the time that it is."""

HOOKS_MODULE = "_nbprod_kernel.observe"

_NOTED = OBSERVED | READERS | WRITERS | GENERATORS | MOMENTS

_Node = TypeVar("_Node", bound=ast.AST)

_sites = itertools.count(1)


def opens_past_python(name: str) -> bool:
    """Tell whether a function may open files past Python, by its name with its module."""
    module, _, function = name.rpartition(".")
    if module.partition(".")[0] == "pandas":
        return function in _OF_PANDAS
    reads = function in READERS or function.startswith(_READING)
    return reads and module.partition(".")[0] in PAST_PYTHON


_OF_PANDAS = frozenset({"read_parquet", "read_hdf", "read_orc", "read_spss", "HDFStore"})


class ObservedCalls(ast.NodeTransformer):
    """The transformer; usable as an IPython AST transformer and on modules."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Rewrite one call of an observed method, inner ones first."""
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in _NOTED:
            site = ast.Constant(value=f"{function.attr}:{next(_sites)}")
            function.value = _hook("begin", "lambda x, n: x", [function.value, site], node)
        elif isinstance(function, ast.Name) and function.id in _NOTED - OBSERVED:
            site = ast.Constant(value=f"{function.id}:{next(_sites)}")
            node.func = _hook("begin", "lambda x, n: x", [function, site], node)
        else:
            return node
        if node.args:
            gathered = _hook("positional", "lambda *a: a", node.args, node)
            node.args = [_at(ast.Starred(value=gathered, ctx=ast.Load()), node)]
        if node.keywords:
            gathered = _hook("keywords", "lambda **k: k", [], node, node.keywords)
            node.keywords = [_at(ast.keyword(arg=None, value=gathered), node)]
        return _hook("done", "lambda r, n: r", [node, ast.Constant(value=site.value)], node)


def _hook(
    name: str,
    fallback: str,
    arguments: list[ast.expr],
    place: ast.Call,
    keywords: list[ast.keyword] | None = None,
) -> ast.Call:
    text = f"getattr(__import__('sys').modules.get({HOOKS_MODULE!r}), {name!r}, {fallback})"
    hook = ast.parse(text, mode="eval").body
    for inner in ast.walk(hook):
        _at(inner, place)
    call = ast.Call(func=hook, args=arguments, keywords=keywords or [])
    _at(call, place)
    for argument in arguments:
        if isinstance(argument, ast.Constant) and not hasattr(argument, "lineno"):
            _at(argument, place)
    return call


def _at(node: _Node, place: ast.Call) -> _Node:
    """Give ``node`` the whole place of the user's call, so that carets point there."""
    if "lineno" in node._attributes:
        ast.copy_location(node, place)
    return node
