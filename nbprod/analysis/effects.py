"""What a step does besides computing, by what it calls."""

from __future__ import annotations

from collections.abc import Iterable

# Effect -> beginnings of qualified names, and names of methods (with a leading dot).
_SIGNS: dict[str, tuple[str, ...]] = {
    "prints": ("builtins.print", "pprint.", "IPython.display.", ".info"),
    "plots": (
        "matplotlib.", "seaborn.", "plotly.", "altair.", "bokeh.", "pandas.plotting.", "sklearn.tree.plot_tree",
        ".plot", ".hist", ".boxplot", ".savefig", ".imshow", ".scatter",
    ),
    "reads-files": (
        "pandas.read_", "builtins.open", "numpy.load", "numpy.genfromtxt", "joblib.load", "pickle.load",
        "json.load", "os.listdir", "os.path.", "glob.", "os.walk", ".read_text", ".read_bytes", ".exists",
        "PIL.Image.open", "cv2.imread", "yaml.safe_load",
    ),
    "writes-files": (
        ".to_csv", ".to_parquet", ".to_pickle", ".to_excel", ".to_feather", ".savefig", ".write_text",
        ".write_bytes", ".mkdir", ".write", "builtins.open", "joblib.dump", "pickle.dump", "json.dump",
        "numpy.save", "os.makedirs", "os.mkdir", "os.remove", "os.rename", "shutil.", "matplotlib.pyplot.savefig",
        "sklearn.tree.export_graphviz", ".save", ".save_model",
    ),
    "network": (
        "requests.", "urllib.", "httpx.", "sklearn.datasets.fetch_", "socket.", "seaborn.load_dataset",
        "boto3.", "huggingface_hub.", "yfinance.", "aiohttp.",
    ),
    "subprocess": ("subprocess.", "os.system", "os.popen"),
    "random": (
        "numpy.random.", "random.", ".sample", ".shuffle", "torch.manual_seed", "tensorflow.random.",
        "torch.rand", "sklearn.utils.shuffle", "sklearn.model_selection.train_test_split",
    ),
    "clock": ("time.", "datetime.datetime.now", "datetime.datetime.today", "datetime.date.today", "pandas.Timestamp.now"),
    "environment": ("os.environ", "os.putenv", "os.getenv", "os.chdir", "sys.path", "dotenv."),
    "options": (
        "pandas.set_option", "pandas.options.", "pandas.reset_option", "numpy.set_printoptions", "numpy.seterr",
        "warnings.", "matplotlib.rcParams", "matplotlib.pyplot.rcParams", "matplotlib.style", "matplotlib.pyplot.style",
        "matplotlib.use", "matplotlib.pyplot.rc", "seaborn.set", "sklearn.set_config", "locale.setlocale",
        "decimal.getcontext", "logging.basicConfig", "matplotlib.pyplot.switch_backend",
    ),
    "fits": (".fit", ".partial_fit", ".fit_transform", ".fit_predict", ".fit_resample"),
}  # fmt: skip


def effects_of(calls: Iterable[str]) -> tuple[str, ...]:
    """Return the effects that ``calls`` speak for, sorted."""
    found: set[str] = set()
    for call in calls:
        method = "." + call.rpartition(".")[2]
        found.update(
            effect
            for effect, signs in _SIGNS.items()
            if any(method == sign if sign[0] == "." else call.startswith(sign) for sign in signs)
        )
    return tuple(sorted(found))
