"""The kernel may not import nbprod, so it names classes by code of its own: the same names."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nbprod.model import labels
from tests.model_projects import load_runtime

LABELS = [
    True, False, 0, 1, -3, 10**20, 0.0, -0.0, 1.0, 0.1, 1e-7, 1e22, "", "a", "true", "1", "é\n\"",
    np.True_, np.False_, np.int8(-1), np.int64(7), np.uint8(200), np.float32(0.1), np.float64(0.1),
    np.float64(1e22), np.str_("a"), np.array(["b"], dtype=object)[0], np.array(3),
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS, ids=repr)
def test_the_kernel_and_the_service_name_a_class_the_same(label):
    describe = load_runtime("describe")
    assert describe.class_key(label) == labels.class_key(label)  # as it is
    json_label = labels.plain(label)
    key = labels.class_key(json_label)
    kernel_label = load_runtime("plain").json_value(label)
    assert (type(kernel_label), kernel_label) == (type(json_label), json_label)
    assert describe.class_key(kernel_label) == key
    assert key == (json_label if isinstance(json_label, str) else json.dumps(json_label))
