"""Rules about what nbprod can read and follow."""

from __future__ import annotations

from nbprod.analysis.rulebook.rule import ERROR, HINT, WARNING, Rule

CODE = (
    Rule(
        "syntax-error",
        ERROR,
        "A cell is not Python.",
        "Correct the line, or tag the cell skip.",
        why="The cell would fail in the notebook too.",
        bad="print('total'",
        good="print('total')",
        binding=True,
    ),
    Rule(
        "no-code",
        ERROR,
        "The notebook has no code.",
        "Write some code cells first.",
        binding=True,
    ),
    Rule(
        "magic-refused",
        ERROR,
        "A magic or shell line cannot be part of a pipeline.",
        "Write it in plain Python, or tag the cell skip.",
        why="What it does lies outside of Python, so that it cannot be followed or repeated. "
        "docs/magics.md lists what becomes of each magic.",
        binding=True,
    ),
    Rule(
        "magic-left-out",
        HINT,
        "A magic is left out of the pipeline.",
        "",
        why="It only concerns the notebook's front end, or measures and shows something.",
        bad="%matplotlib inline",
    ),
    Rule(
        "magic-translated",
        HINT,
        "A magic is translated into Python.",
        "",
        why="The generated code has no IPython; it does the same with plain Python.",
        bad="!ls data",
    ),
    Rule(
        "unfinished-task",
        ERROR,
        "A cell starts an asyncio task that goes on when the cell has ended.",
        "Await it in the same cell.",
        why="In a notebook such a task goes on while later cells run; a step of the pipeline ends "
        "with all that it began. Cells that await are no problem: their step is an async function.",
        bad="task = asyncio.create_task(fetch())",
        good="task = asyncio.create_task(fetch())\npage = await task",
        binding=True,
    ),
    Rule(
        "dynamic-namespace",
        ERROR,
        "Code reads or writes the notebook's names by text, which cannot be followed.",
        "Use plain variables or a dict.",
        why="nbprod tells from names what a step needs and gives; here the name is data.",
        bad="globals()['model_' + name] = model",
        good="models[name] = model",
        binding=True,
    ),
    Rule(
        "place-in-code",
        ERROR,
        "Code asks where it stands: for its frame or text, or a log for function and module.",
        "Write the name there as a text.",
        why="In a notebook that is `<module>`, in the pipeline a function of a module, with "
        "formatted text. Logs count if they go to stdout or into a file. Exceptions for names "
        "that are not bound yet, exceptions that were kept and are traced back later, and how "
        "often warnings come, tell it as well.",
        bad='logging.basicConfig(stream=sys.stdout, format="%(funcName)s: %(message)s")',
        good='logging.basicConfig(stream=sys.stdout, format="%(name)s: %(message)s")',
        binding=True,
    ),
    Rule(
        "code-in-main",
        ERROR,
        "Code looks for tests in the notebook's own namespace.",
        "Name the tests, or move the code into a module of its own and give that.",
        why="In the pipeline `__main__` is another module, in which there are no tests: none "
        "would be run, and none would fail.",
        bad="unittest.main(argv=[''], exit=False)",
        good="tests = unittest.defaultTestLoader.loadTestsFromTestCase(TestAdd)\n"
        "unittest.TextTestRunner().run(tests)",
        binding=True,
    ),
    Rule(
        "finalizer",
        ERROR,
        "A class does something when an object of it is gone, or a container forgets it then.",
        "Do it in a method, and call that.",
        why="A notebook's object is gone when its last name is; in the pipeline the run holds it "
        "as long as a step may need it. `__del__` may close or release what the object holds. "
        "So it is with `weakref.WeakSet`, its like, and `weakref.finalize`, and with weak "
        "references that functions keep somewhere.",
        bad="class Timer:\n    def __del__(self):\n        print('done')",
        good="class Timer:\n    def close(self):\n        print('done')",
        binding=True,
    ),
    Rule(
        "saving-changes",
        ERROR,
        "A class changes an object when it is saved.",
        "Change a copy: `state = self.__dict__.copy()`.",
        why="nbprod saves variables between steps, while the notebook goes on with them. A "
        "notebook alone saves nothing.",
        bad="class Store:\n    def __getstate__(self):\n        self.cache.clear()\n"
        "        return self.__dict__",
        good="class Store:\n    def __getstate__(self):\n"
        "        return {**self.__dict__, 'cache': {}}",
        binding=True,
    ),
    Rule(
        "changing-member",
        ERROR,
        "A member of an enumeration is given an attribute after it was made.",
        "Keep it in a dict under the member: `counts[Color.RED] += 1`.",
        why="Members exist once in a process, and are known by their names: what they were given "
        "later does not come to the next step.",
        bad="Color.RED.count = 1",
        good="counts = {Color.RED: 1}",
        binding=True,
    ),
    Rule(
        "notebook-history",
        ERROR,
        "A cell reads IPython's history (In, Out, _).",
        "Give the value a name.",
        why="A pipeline has no history: what `_` holds depends on what was displayed last.",
        bad="df.describe()\nstats = _",
        good="stats = df.describe()",
        binding=True,
    ),
    Rule(
        "star-import",
        WARNING,
        "A star import binds names that cannot be seen.",
        "Import the names you use.",
        why="A new version of the library may bring a name that hides one of yours.",
        bad="from sklearn.metrics import *",
        good="from sklearn.metrics import accuracy_score",
    ),
    Rule(
        "star-import-ambiguous",
        ERROR,
        "It cannot be told which star import a name comes from.",
        "Import that name itself.",
        bad="from numpy import *\nfrom mylib import *\nmean(x)",
        good="from numpy import mean\nmean(x)",
        binding=True,
    ),
    Rule(
        "relative-import",
        ERROR,
        "A notebook cannot import relative to a package.",
        "Import the module by its name.",
        bad="from .cleaning import tidy",
        good="from cleaning import tidy",
        binding=True,
    ),
    Rule(
        "not-installed",
        WARNING,
        "The kernel's environment does not have a module that the notebook imports.",
        "Install it in the kernel's environment.",
        why="The import will fail when the notebook runs.",
    ),
)
