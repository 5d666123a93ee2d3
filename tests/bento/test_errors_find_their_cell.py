"""An exception of the notebook's own code in a served model names cell and line in the log."""

from __future__ import annotations

import json

import pytest

from nbprod.bento.build_folder import fill_build_folder
from nbprod.serving.notebook_lines import LINES_FILE, read_lines
from nbprod.workflows.build import BuildRequest, build
from nbprod.workflows.convert import ConvertRequest, convert
from tests.bento.conftest import serve
from tests.functional.conftest import write_notebook

CELLS = (
    "# Sizes",
    (
        "import pandas as pd\n"
        "size = [1.0, 2.0, 3.0, 4.0] * 6\n"
        "data = pd.DataFrame({'size': size, 'price': [2 * each for each in size]})",
        ["step:load"],
    ),
    (
        "def double(table):\n"
        "    sizes = table['size']\n"
        "    if (sizes == 2.5).any():\n"
        "        raise RuntimeError('no size 2.5')\n"
        "    if (sizes == 3.5).any():\n"
        "        raise ValueError('no size 3.5')\n"
        "    return table * 2",
        [],
    ),
    (
        "from sklearn.linear_model import LinearRegression\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer\n"
        "model = make_pipeline(FunctionTransformer(double), LinearRegression())\n"
        "model.fit(data[['size']], data['price'])",
        ["step:train"],
    ),
)


def test_the_build_folder_carries_the_line_map(tmp_path):
    notebook = write_notebook(tmp_path / "sizes.ipynb", *CELLS)
    project = tmp_path / "sizes_pipeline"
    convert(ConvertRequest(notebook, project))
    fill_build_folder(project, tmp_path / "src")
    lines = read_lines(tmp_path / "src")
    source = (project / "sizes" / "definitions.py").read_text().splitlines()
    number = next(n for n, line in enumerate(source, 1) if "no size 2.5" in line)
    try:
        exec(compile("\n" * (number - 1) + "raise KeyError", "/b/src/sizes/definitions.py", "exec"))
    except KeyError as error:
        place = lines.place(error)
    assert str(place) == "sizes.ipynb, cell 3, line 4"
    assert lines.place(ValueError("from elsewhere")) is None


def test_without_a_map_nothing_is_claimed(tmp_path):
    (tmp_path / LINES_FILE).write_text('{"places": [1]}')
    assert read_lines(tmp_path).place(ValueError()) is None


@pytest.mark.slow
def test_the_log_of_a_real_service_names_cell_and_line(tmp_path, bentoml_home, monkeypatch):
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    built = build(BuildRequest(write_notebook(tmp_path / "sizes.ipynb", *CELLS)))
    log = tmp_path / "log"
    with serve(built.tag, tmp_path, log) as server:
        server.wait()
        assert server.predict([{"size": 2.0}])["predictions"] == [pytest.approx(4.0)]
        status, text = server.ask("/predict", {"rows": [{"size": 2.5}]})
        assert (status, json.loads(text)["detail"]) == (500, "the service failed; its log says why")
        status, _ = server.ask("/predict", {"rows": [{"size": 3.5}]})
        assert status == 422
    words = log.read_text()
    assert "a request failed in sizes.ipynb, cell 3, line 4" in words
    assert "RuntimeError: no size 2.5" in words
    assert "a row was rejected in sizes.ipynb, cell 3, line 6: ValueError" in words
