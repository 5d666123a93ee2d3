"""From rows of JSON to exactly what ``fit`` received: its columns, order and dtypes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbprod.model.check import parse_datetime
from nbprod.model.contract import Column, Contract

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_BELOW_MICROSECOND = re.compile(r"[.,]\d{6}(\d{1,3})")

Row = Mapping[str, object]


def to_frame(contract: Contract, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - what predict takes
    """Rebuild the model's input.

    Args:
        contract: What the model takes.
        rows: Rows that :func:`nbprod.model.check.check_rows` found no error in.

    Returns:
        A DataFrame; an ndarray of shape (rows, columns); for texts a Series, ndarray
        or list; for records a list of dicts.
    """
    if contract.input == "frame":
        return _frame(contract, rows)
    if contract.input == "array":
        return _array(contract, rows)
    if contract.input == "text":
        return _texts(contract, rows)
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def _frame(contract: Contract, rows: Sequence[Row]) -> pd.DataFrame:
    import pandas as pd

    data = {
        index: _series_values(column, [row[column.name] for row in rows])
        for index, column in enumerate(contract.columns)
    }
    frame = pd.DataFrame(data)
    frame.columns = pd.Index(
        [column.name if column.label is None else column.label for column in contract.columns]
    )
    return frame


def _series_values(column: Column, values: list[object]) -> Any:  # noqa: ANN401 - array types vary
    """Make the values of one column, with the dtype that ``fit`` saw."""
    import numpy as np
    import pandas as pd

    if column.kind == "category":
        return _categorical(column, values)
    if column.kind == "datetime":
        return _datetimes(column, values)
    if column.dtype == "object":
        # A bare array of text would be taken for text by pandas 3, and None for nan.
        return pd.Series(_objects(column, values), dtype=object)
    if column.kind == "integer":
        values = [value if value is None else int(value) for value in values]  # type: ignore[call-overload]
    if column.absent == "na" or column.kind == "string":
        return pd.array(values, dtype=column.dtype)  # type: ignore[call-overload]
    if column.kind == "number":
        values = [np.nan if value is None else float(value) for value in values]  # type: ignore[arg-type]
    return np.array(values, dtype=column.dtype)


def _datetimes(column: Column, values: list[object]) -> Any:  # noqa: ANN401 - zoned or not
    import pandas as pd

    moments = [None if value is None else _moment(str(value)) for value in values]
    zoned = "," in column.dtype
    made = pd.to_datetime(pd.Series(moments, dtype=object), utc=zoned)
    dtype: Any = column.dtype
    return made.astype(dtype)


def _moment(text: str) -> object:
    import pandas as pd

    moment = parse_datetime(text)
    below = _BELOW_MICROSECOND.search(text)
    if moment is None or below is None:
        return moment
    stamp = pd.Timestamp(moment).as_unit("ns")
    return stamp + pd.Timedelta(int(below[1].ljust(3, "0")), unit="ns")


def _categorical(column: Column, values: list[object]) -> Any:  # noqa: ANN401 - generic in pandas
    import pandas as pd

    categories = list(column.categories or ())
    position = {(isinstance(label, bool), label): code for code, label in enumerate(categories)}
    codes = [-1 if v is None else position[isinstance(v, bool), v] for v in values]  # type: ignore[index]
    return pd.Categorical.from_codes(
        codes, dtype=pd.CategoricalDtype(pd.Index(categories), ordered=column.ordered)
    )


def _objects(column: Column, values: list[object]) -> np.ndarray[Any, Any]:
    import numpy as np

    absent: object = None
    if column.absent == "nan":
        absent = np.nan
    elif column.absent == "na":
        import pandas as pd

        absent = pd.NA
    made = np.empty(len(values), dtype=object)
    made[:] = [absent if value is None else _exact(column, value) for value in values]
    return made


def _exact(column: Column, value: object) -> object:
    return int(value) if column.kind == "integer" and isinstance(value, float) else value


def _array(contract: Contract, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - list or ndarray
    import numpy as np

    columns = [
        _objects(column, [row[column.name] for row in rows])
        if column.dtype in ("object", "str")
        else _series_values(column, [row[column.name] for row in rows])
        for column in contract.columns
    ]
    dtype = contract.columns[0].dtype
    array = np.empty((len(rows), len(columns)), dtype="object" if dtype == "str" else dtype)
    for index, values in enumerate(columns):
        array[:, index] = values
    if dtype == "str":
        array = array.astype(str)
    return array.tolist() if contract.container == "list" else array


def _texts(contract: Contract, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - as fit received it
    import numpy as np

    [column] = contract.columns
    values = [row[column.name] for row in rows]
    if contract.container == "list":
        return values
    if contract.container == "series":
        import pandas as pd

        return pd.Series(_series_values(column, values), name=column.name)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made.astype(str) if column.dtype == "str" else made
