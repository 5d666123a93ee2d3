"""Objects that do something when they are asked, and registries that lie in modules."""

from __future__ import annotations

from tests.hazards.hazard import Hazard

HAZARDS: tuple[Hazard, ...] = (
    Hazard(
        "an object that reads its file when it is asked first",
        """
# %% load
import json
with open("settings.json", "w") as file:
    json.dump({"depth": 1}, file)

class Config:
    def __init__(self, path):
        self.path, self.data = path, None
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if self.data is None:
            with open(self.path) as file:
                self.data = json.load(file)
        try:
            return self.data[name]
        except KeyError:
            raise AttributeError(name) from None
config = Config("settings.json")
# %% write
with open("settings.json", "w") as file:
    json.dump({"depth": 7}, file)
# %% show
print(config.depth)
""",
    ),
    Hazard(
        "a dict that fills itself when it is asked",
        """
# %% load
class Box(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            self[name] = Box()
            return self[name]
    __setattr__ = dict.__setitem__
config = Box(model=Box(depth=3))
# %% first
print(sorted(config), sorted(config.model), len(config))
# %% show
with open("config.txt", "w") as file:
    file.write(str(sorted(config.items(), key=str)))
print(config)
""",
    ),
    Hazard(
        "an object that notes what it is asked for",
        """
# %% load
class Settings:
    asked = set()
    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        Settings.asked.add(name)
        return 10
settings = Settings()
# %% other
count = 1
# %% show
print(settings.rate, sorted(Settings.asked), count)
""",
    ),
    Hazard(
        "data that draws random numbers when a row is read",
        """
# %% load
import numpy as np
class Augmented:
    def __init__(self, count):
        self.rng = np.random.default_rng(0)
        self.rows = np.arange(2.0 * count).reshape(count, 2)
    @property
    def shape(self):
        return self.rows.shape
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, place):
        return self.rows[place] + self.rng.normal(size=self.rows[place].shape)
class Mean:
    def fit(self, X, y=None):
        self.mean_ = np.mean([X[place] for place in range(len(X))], axis=0)
        return self
    def predict(self, X):
        return np.zeros(len(X)) + self.mean_.sum()
data = Augmented(5)
# %% first
first = Mean().fit(data)
print(first.mean_)
# %% second
second = Mean().fit(data)
print(second.mean_)
# %% show
print(data[0], first.predict([1]))
""",
    ),
    Hazard(
        "dicts and lists that count how often they are gone through",
        """
# %% load
class Tracked(dict):
    def __init__(self, **values):
        super().__init__(**values)
        self.reads = 0
    def __getitem__(self, key):
        self.reads += 1
        return super().__getitem__(key)
    def items(self):
        self.reads += len(self)
        return super().items()
class Feed(list):
    def __init__(self, values):
        super().__init__(values)
        self.epochs = 0
    def __iter__(self):
        self.epochs += 1
        return super().__iter__()
config = Tracked(rate=0.1, depth=3)
feed = Feed([1, 2, 3])
# %% other
count = 1
# %% show
print(config["rate"], config.reads, sum(feed), feed.epochs, count)
""",
    ),
    Hazard(
        "a number that is registered as one",
        """
# %% setup
import numbers
class Money:
    pass
numbers.Number.register(Money)
money = Money()
# %% other
count = 1
# %% show
print(isinstance(money, numbers.Number), count)
""",
    ),
    Hazard(
        "tables of the standard library that a notebook adds to",
        """
# %% setup
import configparser
import decimal
import email.charset
import encodings.aliases
import html.entities
email.charset.add_charset("utf-8", email.charset.QP, email.charset.QP, "utf-8")
html.entities.codepoint2name[0x2603] = "snowman"
decimal.BasicContext.prec = 4
configparser.ConfigParser.BOOLEAN_STATES["ja"] = True
encodings.aliases.aliases["mylatin"] = "latin_1"
# %% other
count = 1
# %% show
from email.mime.text import MIMEText
print(MIMEText("Gr\\u00fc\\u00dfe", "plain", "utf-8").as_string(), count)
print(html.entities.codepoint2name[0x2603], b"\\xa4".decode("mylatin"))
print(decimal.BasicContext.divide(decimal.Decimal(1), 3))
parser = configparser.ConfigParser()
parser.read_string("[part]\\nright=ja")
print(parser.getboolean("part", "right"))
""",
    ),
    Hazard(
        "tables of libraries that a notebook adds to",
        """
# %% setup
import matplotlib as mpl
import numpy as np
import scipy.constants
from matplotlib.legend import Legend
from matplotlib.legend_handler import HandlerLine2D
from matplotlib.lines import Line2D
np.setbufsize(16384);
mpl.color_sequences.register("own", ["r", "k"])
Legend.update_default_handler_map({Line2D: HandlerLine2D(numpoints=3)})
scipy.constants.physical_constants["mine"] = (1.5, "m", 0)
# %% other
count = 1
# %% show
import matplotlib.pyplot as plt
plt.plot([1, 2], "o-", label="x")
plt.legend()
plt.show()
print(np.getbufsize(), mpl.color_sequences["own"], scipy.constants.value("mine"), count)
""",
    ),
    Hazard(
        "an estimator that counts how often it is asked for its classes",
        """
# %% load
import numpy as np
data, target = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
# %% train
class Threshold:
    asked = 0
    def fit(self, X, y):
        self.middle_ = X.mean()
        return self
    @property
    def classes_(self):
        self.asked += 1
        return np.array([0, 1])
    def predict(self, X):
        return (X[:, 0] > self.middle_).astype(int)
model = Threshold().fit(data, target)
# %% show
print(model.asked, model.predict(data))
""",
    ),
)
