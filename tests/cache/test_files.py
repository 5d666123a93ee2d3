"""Files: what a step reads, lists and writes."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.slow


def run_twice(place, *cells):
    place.write(*cells)
    first = place.run()
    return first, place.run()


def test_what_is_appended_to_grows_with_each_run(place):
    cell = "with open('log.txt', 'a') as file:\n    file.write('x')\nprint(open('log.txt').read())"
    first, second = run_twice(place, (cell, ["step:log"]))
    assert (first.text, second.text) == ("x\n", "xx\n")


def test_what_is_written_is_there_again(place):
    first, second = run_twice(
        place,
        ("with open('out.txt', 'w') as file:\n    file.write('written')", ["step:write"]),
        ("print(open('out.txt').read())", ["step:read"]),
    )
    assert second.cached == {"write", "read"}
    (place.folder / "out.txt").write_text("by hand")
    third = place.run()
    assert third.cached == {"write", "read"}
    assert (place.folder / "out.txt").read_text() == "written"
    like = (place.folder / "out.txt").stat()
    (place.folder / "out.txt").write_text("Written")
    os.utime(place.folder / "out.txt", ns=(like.st_atime_ns, like.st_mtime_ns))
    assert place.run().cached == {"write", "read"}
    assert (place.folder / "out.txt").read_text() == "written"
    (place.folder / "out.txt").unlink()
    assert place.run().cached == {"write", "read"}
    assert (place.folder / "out.txt").read_text() == "written"
    assert first.text == third.text


def test_a_folder_that_is_made(place):
    cell = "import os\nos.makedirs('made', exist_ok=True)\nprint(os.listdir('made'))"
    _, second = run_twice(place, (cell, ["step:make"]))
    assert second.cached == {"make"}
    (place.folder / "made" / "new.txt").write_text("")
    assert place.same().text == "['new.txt']\n"


@pytest.mark.parametrize(
    "found",
    ["sorted(glob.glob('data/*.txt'))", "sorted(map(str, pathlib.Path('data').glob('*.txt')))"],
)
def test_files_that_are_looked_for(place, found):
    (place.folder / "data").mkdir()
    (place.folder / "data" / "a.txt").write_text("a")
    _, second = run_twice(
        place, "import glob\nimport pathlib", (f"names = {found}\nprint(names)", ["step:look"])
    )
    assert second.cached == {"look"}
    (place.folder / "data" / "b.txt").write_text("b")
    assert "b.txt" in place.same().text


def test_a_file_that_was_missing(place):
    cell = (
        "try:\n    text = open('maybe.txt').read()\nexcept OSError:\n    text = 'none'\nprint(text)"
    )
    _, second = run_twice(place, (cell, ["step:read"]))
    assert second.cached == {"read"}
    (place.folder / "maybe.txt").write_text("some")
    assert place.same().text == "some\n"


def test_a_file_that_the_code_names_and_python_does_not_open(place):
    (place.folder / "data.bin").write_bytes(b"\1\2")
    cell = (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "number = libc.open(b'data.bin', 0)\nname = 'data.bin'\n"
        "found = ctypes.create_string_buffer(2)\nlibc.read(number, found, 2)\nlibc.close(number)\n"
        "del libc\nvalues = list(found.raw)\ndel found\nprint(values)"
    )
    place.write((cell, ["step:read"]))
    assert place.run().text == "[1, 2]\n"
    (place.folder / "data.bin").write_bytes(b"\3\4")
    assert place.run().text == "[3, 4]\n"


def test_a_link_that_leads_elsewhere(place):
    (place.folder / "one.txt").write_text("one")
    (place.folder / "two.txt").write_text("two")
    (place.folder / "now.txt").symlink_to("one.txt")
    _, second = run_twice(place, ("print(open('now.txt').read())", ["step:read"]))
    assert second.cached == {"read"}
    (place.folder / "now.txt").unlink()
    (place.folder / "now.txt").symlink_to("two.txt")
    assert place.same().text == "two\n"


def test_own_modules(place):
    (place.folder / "features.py").write_text("def double(x):\n    return 2 * x\n")
    (place.folder / "other.py").write_text("NAME = 'other'\n")
    _, second = run_twice(
        place,
        "import importlib\nfrom features import double",
        ("two = double(1)\nprint(two)", ["step:use"]),
        ("three = 3\nprint(three)", ["step:apart"]),
        ("name = importlib.import_module('oth' + 'er').NAME\nprint(name)", ["step:late"]),
    )
    assert second.cached == {"use", "apart", "late"}
    (place.folder / "features.py").write_text("# twice\ndef double(x):\n    return 2 * x\n")
    assert place.run().computed == set()
    (place.folder / "features.py").write_text("def double(x):\n    return 20 * x\n")
    found = place.same()
    assert found.text.startswith("20")
    assert "apart" in found.cached
    (place.folder / "other.py").write_text("NAME = 'another'\n")
    assert place.same().text.endswith("another\n")


def test_what_own_modules_read_while_they_are_imported(place):
    (place.folder / "inner.py").write_text(
        "import json\nimport pathlib\nNAME = 'set' + 'tings.json'\n"
        "def load():\n"
        "    return json.loads((pathlib.Path(__file__).resolve().parent / NAME).read_text())\n"
    )
    (place.folder / "outer.py").write_text(
        "from inner import load\nDATA = load()\ndef factor():\n    return DATA['v']\n"
        "class Box:\n    def show(self):\n        return 10 * factor()\n"
    )
    settings = place.folder / "settings.json"
    settings.write_text('{"v": 1}')
    _, second = run_twice(
        place,
        ("import outer\nfrom outer import Box, factor as by\none = 1", ["step:first"]),
        ("value = outer.DATA['v']\nprint(value)", ["step:value"]),
        ("called = by()\nprint(called)", ["step:called"]),
        ("box = Box()", ["step:box"]),
        ("shown = box.show()\nprint(shown)", ["step:shown"]),
        ("apart = 'apart'\nprint(apart)", ["step:apart"]),
    )
    assert second.computed == set()
    settings.write_text('{"v": 2}')
    found = place.same()
    assert found.text == "2\n2\n20\napart\n"
    assert "apart" in found.cached
    module = place.folder / "outer.py"
    module.write_text(module.read_text().replace("10 *", "100 *"))
    assert "200" in place.same().text
    assert place.run().computed == set()


def test_data_in_folders_of_the_home(place, monkeypatch, tmp_path):
    home = tmp_path / "user"
    for name in (".config", ".cache", ".cache/matplotlib"):
        (home / name).mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    place.write(
        "from pathlib import Path",
        ("setting = (Path.home() / '.config' / 'my.toml').read_text()", ["step:setting"]),
        ("data = (Path.home() / '.cache' / 'my.csv').read_text()", ["step:data"]),
        ("(Path.home() / '.cache' / 'out.txt').write_text(data)", ["step:write"]),
        ("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", ["step:plot"]),
        ("print(setting, data)", ["step:end"]),
    )
    for name in (".config/my.toml", ".cache/my.csv"):
        (home / name).write_text("1")
    place.run()
    place.run()  # the first one made folders of Jupyter's there
    for fonts in (home / ".cache" / "matplotlib").glob("fontlist*"):
        fonts.unlink()
    (home / ".cache" / "out.txt").unlink()
    assert place.run().computed == set()
    assert (home / ".cache" / "out.txt").read_text() == "1"
    for name in (".config/my.toml", ".cache/my.csv"):
        (home / name).write_text("2")
    found = place.same()
    assert found.text.endswith("2 2\n")
    assert "plot" in found.cached


def test_where_links_lead(place):
    for name in ("one", "two"):
        (place.folder / name).mkdir()
    (place.folder / "link").symlink_to("one")
    (place.folder / "later").mkdir()
    _, second = run_twice(
        place,
        "import os\nfrom pathlib import Path",
        ("real = os.path.realpath('link')[-3:]\nprint(real)", ["step:real"]),
        ("resolved = Path('link').resolve().name\nprint(resolved)", ["step:resolve"]),
        ("says = os.readlink('link')\nprint(says)", ["step:says"]),
        ("folder = Path('later').resolve().name\nprint(folder)", ["step:folder"]),
    )
    assert second.computed == set()
    (place.folder / "link").unlink()
    (place.folder / "link").symlink_to("two")
    (place.folder / "later").rmdir()
    (place.folder / "later").symlink_to("two")
    assert place.same().text == "two\ntwo\ntwo\ntwo\n"


def test_what_had_nothing_to_do_the_first_time(place):
    (place.folder / "out").mkdir()
    _, second = run_twice(
        place,
        "import os\nfrom pathlib import Path",
        (
            "os.makedirs('out', exist_ok=True)\nPath('old.txt').unlink(missing_ok=True)\nx = 1",
            ["step:prepare"],
        ),
        ("print(x)", ["step:end"]),
    )
    assert second.computed == set()
    (place.folder / "out").rmdir()
    (place.folder / "old.txt").write_text("old")
    assert place.run().computed == {"prepare"}
    assert (place.folder / "out").is_dir()
    assert not (place.folder / "old.txt").exists()
    assert place.run().computed == set()


def test_a_module_written_by_the_notebook(place):
    place.write(
        ("%%writefile made.py\nVALUE = 1", ["step:write"]),
        ("import made\nprint(made.VALUE)", ["step:use"]),
    )
    assert place.run().text.endswith("1\n")
    place.change(1, "VALUE = 1", "VALUE = 22")
    assert place.same().text.endswith("22\n")
    place.change(1, "VALUE = 22", "VALUE = 1")
    assert place.same().text.endswith("1\n")


def test_a_folder_that_arrow_reads(place):
    data = place.folder / "data"
    data.mkdir()
    (data / "one.csv").write_text("a\n1\n2\n")
    place.write(
        "from pyarrow.dataset import dataset",
        ("rows = dataset('data', format='csv').to_table().num_rows\nprint(rows)", ["step:read"]),
    )
    place.run()
    assert place.run().cached == {"read"}
    (data / "two.csv").write_text("a\n3\n")
    assert place.same().text == "3\n"


def test_what_libraries_look_for_in_vain(place):
    for name in ("custom", "default", "runs/r1", "runs/r2", "walk"):
        (place.folder / name).mkdir(parents=True)
    (place.folder / "default" / "r.md").write_text("default {{ n }}")
    (place.folder / "runs" / "r1" / "m.json").write_text("1")
    (place.folder / "walk" / "x").write_text("x")
    _, second = run_twice(
        place,
        "import os\nfrom pathlib import Path\nfrom jinja2 import Environment, FileSystemLoader",
        (
            "loader = FileSystemLoader(['custom', 'default'])\n"
            "text = Environment(loader=loader).get_template('r.md').render(n=3)\n"
            "size = Path('out.txt').write_text(text)",
            ["step:render"],
        ),
        ("found = sorted(map(str, Path('runs').glob('*/m.json')))", ["step:glob"]),
        ("kinds = [(len(d), len(f)) for _, d, f in os.walk('walk')]", ["step:walk"]),
        ("print(text, found, kinds)", ["step:end"]),
    )
    assert second.computed == set()
    (place.folder / "custom" / "r.md").write_text("custom {{ n }}")
    assert place.run().computed == {"render", "end"}
    (place.folder / "runs" / "r2" / "m.json").write_text("1")
    assert place.run().computed == {"glob", "end"}
    (place.folder / "walk" / "x").unlink()
    (place.folder / "walk" / "x").mkdir()
    assert place.run().computed == {"walk", "end"}
    assert "custom 3 ['runs/r1/m.json', 'runs/r2/m.json'] [(1, 0), (0, 0)]" in place.same().text


def test_an_own_module_that_is_no_python(place):
    (place.folder / "broken.py").write_text("def broken(:\n")
    place.write(
        ("try:\n    import broken\nexcept Exception:\n    broken = None", ["step:try"]),
        ("print(broken is None)", ["step:end"]),
    )
    assert place.run().text == "True\n"
    assert place.same().text == "True\n"
