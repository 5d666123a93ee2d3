"""numpy arrays, scalars and generators, sparse matrices; numpy is loaded by their owner."""

from __future__ import annotations

import sys
from typing import Any

from nbprod.compare.walk import Walk, versus


def is_array(value: Any) -> bool:
    """Tell whether ``value`` is a numpy array or scalar."""
    numpy: Any = sys.modules["numpy"]
    return isinstance(value, numpy.ndarray | numpy.generic | numpy.dtype)


def array_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare dtype, shape, mask and values."""
    numpy: Any = sys.modules["numpy"]
    if isinstance(one, numpy.dtype):
        return "" if one == other else versus(one, other)
    if one.dtype != other.dtype:
        return f"dtype {one.dtype} vs {other.dtype}"
    if one.shape != other.shape:
        return f"shape {one.shape} vs {other.shape}"
    if isinstance(one, numpy.ma.MaskedArray):
        found = _mask_difference(walk, one, other)
        if found:
            return found
        one, other = one.filled(0), other.filled(0)
    elif type(one) is not numpy.ndarray and isinstance(one, numpy.ndarray):
        found = walk.compare(_attributes(one), _attributes(other), "attributes")
        if found:
            return found
    if isinstance(one, numpy.generic):
        return "" if _same_scalar(walk, one, other) else versus(one.item(), other.item())
    if one.dtype.names:
        return walk.first(
            walk.compare(one[name], other[name], f"field {name!r}") for name in one.dtype.names
        )
    if one.dtype.hasobject:
        return _object_difference(walk, one, other)
    same = equal_mask(walk, numpy.asarray(one), numpy.asarray(other))
    if same.all():
        return ""
    place = tuple(int(axis) for axis in numpy.argwhere(~numpy.atleast_1d(same))[0])
    flat_one, flat_other = numpy.atleast_1d(one), numpy.atleast_1d(other)
    count = int((~same).sum())
    more = f" ({count:,} of {same.size:,} differ)" if count > 1 else ""
    where = place[0] if len(place) == 1 else place
    return f"index {where}\0{versus(_item(flat_one[place]), _item(flat_other[place]))}{more}"


def _mask_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare what a masked array has besides its values; those under the mask do not count."""
    numpy: Any = sys.modules["numpy"]
    mask = numpy.ma.getmaskarray(one), numpy.ma.getmaskarray(other)
    if not (mask[0] == mask[1]).all():
        return "another mask"
    if one.hardmask != other.hardmask:
        return f"hardmask\0{versus(one.hardmask, other.hardmask)}"
    return walk.compare(one.fill_value, other.fill_value, "fill value")


def _attributes(array: Any) -> dict[str, Any]:
    found = dict(getattr(array, "__dict__", None) or {})
    if type(array) is sys.modules["numpy"].memmap:
        del found["_mmap"]  # the memory; what lies in it is compared
    return found


def equal_mask(walk: Walk, one: Any, other: Any) -> Any:
    """Return where two arrays of one dtype and shape are equal.

    Floats are equal within the tolerances, NaN and NaT equal themselves.
    """
    numpy: Any = sys.modules["numpy"]
    same = one == other
    if one.dtype.kind in "fc":
        finite = numpy.isfinite(one) & numpy.isfinite(other)
        magnitude = numpy.abs(other[finite])
        slack = walk.array * float(magnitude.max()) if magnitude.size else 0.0
        with numpy.errstate(all="ignore"):
            largest = numpy.maximum(numpy.abs(one), numpy.abs(other))
            apart = numpy.abs(one - other)
            whole = (one == numpy.rint(one)) & (other == numpy.rint(other))
            close = (apart <= walk.relative * largest) | (~whole & (apart <= slack))
        same = same | (finite & close) | (numpy.isnan(one) & numpy.isnan(other))
    elif one.dtype.kind in "mM":
        same = same | (numpy.isnat(one) & numpy.isnat(other))
    return numpy.asarray(same)


def _same_scalar(walk: Walk, one: Any, other: Any) -> bool:
    numpy: Any = sys.modules["numpy"]
    if one.dtype.kind == "f":
        return walk.floats(float(one), float(other))
    return bool(equal_mask(walk, numpy.atleast_1d(one), numpy.atleast_1d(other)).all())


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and value.dtype.kind not in "mM" else value


def _object_difference(walk: Walk, one: Any, other: Any) -> str:
    for number, (item, wanted) in enumerate(zip(one.flat, other.flat, strict=True)):
        found = walk.compare(item, wanted, f"index {number}")
        if found:
            return found
    return ""


def is_generator(value: Any) -> bool:
    """Tell whether ``value`` is one of numpy's random generators."""
    random: Any = getattr(sys.modules["numpy"], "random", None)
    if random is None:
        return False
    return isinstance(value, random.RandomState | random.Generator | random.BitGenerator)


def generator_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare the states of two random generators."""
    if hasattr(one, "get_state"):
        states = one.get_state(legacy=False), other.get_state(legacy=False)
    else:
        first, second = getattr(one, "bit_generator", one), getattr(other, "bit_generator", other)
        states = first.state, second.state
    return "its state is another" if walk.compare(*states) else ""


def is_sparse(value: Any) -> bool:
    """Tell whether ``value`` is a sparse matrix or array of scipy."""
    sparse: Any = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def sparse_difference(walk: Walk, one: Any, other: Any) -> str:
    """Compare shape, dtype, format and stored values."""
    if one.shape != other.shape:
        return f"shape {one.shape} vs {other.shape}"
    if one.dtype != other.dtype:
        return f"dtype {one.dtype} vs {other.dtype}"
    if one.format != other.format:
        return f"format {one.format} vs {other.format}"
    ours, theirs = one.tocsr().copy(), other.tocsr().copy()
    for matrix in (ours, theirs):
        matrix.sum_duplicates()
        matrix.sort_indices()
    return walk.first(
        walk.compare(getattr(ours, name), getattr(theirs, name), what)
        for name, what in (("indptr", "rows"), ("indices", "columns"), ("data", "values"))
    )
