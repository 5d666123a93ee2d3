"""What nbprod knows about IPython's magics."""

from __future__ import annotations

# The code that follows them is run in the notebook's namespace, and they only watch it.
TRANSPARENT = frozenset({"time", "prun", "lprun", "mprun", "snakeviz"})

# They run their code in a scope of its own, any number of times, to measure it.
TIMED_AND_DROPPED = frozenset({"timeit", "memit"})

# Cell magics whose body is not Python and only shows something.
DISPLAY_CELL_MAGICS = frozenset({"html", "HTML", "javascript", "js", "latex", "markdown", "svg"})

_SHOWS = "it only shows something"
_LATER = "it only changes how later values are shown"
_FRONT_END = "it only concerns the notebook's front end"
_ENVIRONMENT = "the environment is not changed by a pipeline"

# Line magics that may be left out: magic -> why.
NEUTRAL: dict[str, str] = {
    **dict.fromkeys(
        ("matplotlib", "config", "autosave", "xmode", "colors", "doctest_mode", "gui"), _FRONT_END
    ),
    **dict.fromkeys(
        ("load_ext", "reload_ext", "unload_ext", "autoreload", "aimport", "tensorboard"),
        "extensions of IPython play no part in a pipeline",
    ),
    **dict.fromkeys(("pdb", "debug", "automagic", "autocall", "autoawait"), _FRONT_END),
    **dict.fromkeys(
        [
            "watermark",
            "who",
            "who_ls",
            "whos",
            "history",
            "hist",
            "lsmagic",
            "quickref",
            "magic",
            "pdoc",
            "pdef",
            "psource",
            "pfile",
            "pycat",
            "page",
            "dirs",
            "recall",
        ],
        _SHOWS,
    ),
    **dict.fromkeys(("precision", "pprint"), _LATER),
    **dict.fromkeys(("load", "edit"), _FRONT_END),
}

# Magics that install things, or show what is installed, by a line of the shell.
PACKAGES: dict[str, str] = dict.fromkeys(
    ("pip", "conda", "mamba", "micromamba", "uv"), _ENVIRONMENT
)

# Of those that are left out, the options with which they write a file.
WRITING_OPTIONS: dict[str, tuple[str, ...]] = {
    "history": ("-f",),
    "hist": ("-f",),
    "prun": ("-T", "-D"),
    "lprun": ("-T", "-D"),
    "mprun": ("-T",),
}

# What shows something about the environment, the same in a notebook that runs the steps.
TOLD_ANYWHERE = frozenset({"watermark"})

# Of those that are left out, what prints nothing: what the others print is missing from the
# pipeline, and that is no difference.
SILENT = frozenset({"matplotlib", "config", "autoreload", "aimport", "autosave", "xmode", "colors"})

# Shell commands that IPython has as magics; ``%l`` stands for the arguments.
ALIASES: dict[str, str] = {
    **{name: name for name in ("mkdir", "rmdir", "mv", "rm", "cp", "cat")},
    "ls": "ls -F --color",
    "ll": "ls -F -o --color",
    "lf": "ls -F -o --color %l | grep ^-",
    "lk": "ls -F -o --color %l | grep ^l",
    "ldir": "ls -F -o --color %l | grep /$",
    "lx": "ls -F -o --color %l | grep ^-..x",
}

# Commands that install things: command -> subcommands that do.
INSTALLERS: dict[str, tuple[str, ...]] = {
    "pip": ("install", "uninstall"),
    "pip3": ("install", "uninstall"),
    "conda": ("install", "uninstall", "remove", "update", "upgrade", "config"),
    "mamba": ("install", "uninstall", "remove", "update"),
    "micromamba": ("install", "uninstall", "remove", "update"),
    "uv": ("pip install", "pip uninstall", "pip sync", "add", "remove", "sync"),
    "apt": ("install", "remove", "update", "upgrade"),
    "apt-get": ("install", "remove", "update", "upgrade"),
    "brew": ("install", "uninstall", "update", "upgrade"),
    "jupyter": ("nbextension", "labextension"),
}

# Their options that write somewhere else than into the environment.
INSTALLED_BESIDE = ("-t", "--target", "--report", "--log", "--root", "--src", "-e", "--editable")

# What these show of the environment, as magics.
SHOWING_PACKAGES = ("list", "freeze", "show", "check", "--version", "-V", "help", "info", "search")

_OTHER_LANGUAGE = "its body is not run by this notebook's Python"
_FIX_LANGUAGE = "Call that program with subprocess, or tag the cell skip."

# Magics refused for a reason of their own: magic -> (why, what to do).
REFUSALS: dict[str, tuple[str, str]] = {
    "run": ("it runs another file in this namespace", "Import what you need from that file."),
    "store": ("it keeps variables in IPython's own database", "Save to and load from a file."),
    "pylab": (
        "it imports all of numpy and matplotlib under names that cannot be told",
        "Import numpy and matplotlib by name.",
    ),
    "reset": ("it deletes every variable", "Remove the line."),
    "reset_selective": ("it deletes variables by pattern", "Use del with names."),
    "cd": ("its folder is not a plain path", "Use os.chdir with a plain path."),
    "env": ("its value is not plain text", "Use os.environ."),
    **dict.fromkeys(
        ("save", "logstart", "logstop", "logon", "logoff", "notebook"),
        ("it writes cells into a file", "Remove the line, or write that file yourself."),
    ),
    **dict.fromkeys(
        ("history", "hist", "prun", "lprun", "mprun"),
        ("it writes a file", "Remove the option that writes, or the line."),
    ),
    **dict.fromkeys(
        ("pip", "conda", "mamba", "micromamba", "uv"),
        ("it does more than to install", "Write it as a shell line, with ! instead of %."),
    ),
    **dict.fromkeys(
        ("writefile", "file"),
        ("its path is not plain text", "Use open(path, 'w') with a path in Python."),
    ),
    **dict.fromkeys(
        ("mkdir", "rmdir", "mv", "rm", "cp", "cat", "ls", "ll", "lf", "lk", "ldir", "lx"),
        ("it puts Python values into a shell line", "Write it with subprocess.run([...])."),
    ),
    "macro": ("a macro is IPython's own", "Write a function."),
    "sql": ("it talks to a database outside Python", "Use pandas.read_sql."),
    "cython": ("it compiles code", "Put the function in a module of its own."),
    **dict.fromkeys(
        ("R", "julia", "perl", "ruby", "script", "python", "python2", "python3", "pypy"),
        (_OTHER_LANGUAGE, _FIX_LANGUAGE),
    ),
}
