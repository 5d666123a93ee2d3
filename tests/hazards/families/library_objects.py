"""Objects of libraries that hold more than they show: what they were made from, a place, a file."""

from __future__ import annotations

from tests.hazards.hazard import Hazard

HAZARDS: tuple[Hazard, ...] = (
    Hazard(
        "a picture that is read when somebody looks at it",
        """
# %% load
from PIL import Image
Image.new("RGB", (8, 8), (1, 2, 3)).save("picture.png")
image = Image.open("picture.png")
# %% ask
size = image.size
# %% show
import numpy as np
print(np.asarray(image).sum(), size, image.format, image.mode)
""",
    ),
    Hazard(
        "a picture that a later step paints on",
        """
# %% load
from PIL import Image, ImageDraw
image = Image.new("L", (6, 6), 7)
same = image
# %% paint
ImageDraw.Draw(image).line((0, 0, 5, 5), fill=9)
same.putpixel((0, 5), 3)
# %% show
print(list(image.tobytes()), same is image)
""",
    ),
    Hazard(
        "files that Arrow writes to a folder whose name is computed",
        """
# %% setup
import os
folder = "out" + str(1)
os.makedirs(folder, exist_ok=True)
# %% write
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
pd.DataFrame({"a": [1.5, 2.5]}).to_parquet(folder + "/frame.parquet")
pq.write_table(pa.table({"b": [1, 2]}), os.path.join(folder, "table.parquet"))
# %% show
print(sorted(os.listdir(folder)), pd.read_parquet(folder + "/frame.parquet"))
print(pq.read_table(folder + "/table.parquet").to_pydict())
""",
    ),
    Hazard(
        "a grouping whose frame changes afterwards",
        """
# %% load
import pandas as pd
frame = pd.DataFrame({"group": list("aab"), "value": [1, 2, 3]})
groups = frame.groupby("group")
# %% first
before = groups["value"].sum()
# %% change
frame.loc[0, "value"] = 100
# %% show
print(before, groups["value"].sum(), frame)
""",
    ),
    Hazard(
        "a rolling window whose frame gets a column",
        """
# %% load
import pandas as pd
frame = pd.DataFrame({"value": [1.0, 2.0, 3.0, 4.0]})
window = frame["value"].rolling(2)
# %% mean
frame["mean"] = window.mean()
# %% show
print(frame, window.sum())
""",
    ),
    Hazard(
        "an array that is given another size in place",
        """
# %% load
import numpy as np
values = np.arange(6)
values.resize(8)
# %% sum
total = values.sum()
# %% shape
values.resize((2, 4))
# %% show
print(values, total)
""",
    ),
    Hazard(
        "arrays that are asked whose memory they show",
        """
# %%
import numpy as np
# %% load
row = np.arange(6)
grid = np.arange(6.0).reshape(3, 2)
part = row[2:5]
spread = np.arange(12)[::3]
turned = np.asfortranarray(np.ones((2, 2)))
# %% ask
print(row.base is None, part.base is row, grid.base, spread.base, turned.flags)
# %% change
row[3] = 77
row = row.copy()
# %% show
print(part, row.flags.owndata, part.base is row, part.base, grid.flags.owndata)
""",
    ),
    Hazard(
        "a colour bar that follows its image, and limits that others hear of",
        """
# %%
import numpy as np
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm
# %% load
fig, (ax, other) = plt.subplots(2, sharex=True)
image = ax.imshow(np.arange(12.0).reshape(3, 4))
bar = fig.colorbar(image)
seen = []
def note(axes):
    seen.append(axes.get_xlim())
ax.callbacks.connect("xlim_changed", note)
plt.close(fig)
# %% change
image.set_clim(2, 5)
image.set_cmap("gray")
print(bar.vmin, bar.vmax, bar.cmap.name)
# %% limits
ax.set_xlim(0, 2)
print(seen, other.get_xlim())
# %% show
image.set_norm(LogNorm(1, 9))
print(bar.vmin, bar.vmax, type(bar.norm).__name__, bar.ax.get_ylim())
""",
    ),
    Hazard(
        "counters that go on",
        """
# %% load
import itertools
numbers = itertools.count(10, 5)
skipped = next(numbers)
# %% first
first = next(numbers)
# %% show
print(skipped, first, next(numbers))
""",
    ),
    Hazard(
        "maps that look into others, and a full deque",
        """
# %% load
from collections import ChainMap, deque
base = {"a": 1}
options = ChainMap({}, base)
last = deque([1, 2, 3], maxlen=3)
# %% change
options["b"] = 2
base["a"] = 9
last.append(4)
# %% show
print(options, base, last, last.maxlen)
""",
    ),
    Hazard(
        "a function with arguments that are changed behind its back",
        """
# %% load
import functools
def add(a, b=2):
    return a + b
partial = functools.partial(add, b=3)
partial.keywords["b"] = 5
# %% use
result = partial(1)
# %% show
print(result, partial.keywords)
""",
    ),
    Hazard(
        "texts and bytes that are written piece by piece",
        """
# %% load
import io
text = io.StringIO()
text.write("abc")
data = io.BytesIO(b"12345")
data.read(2)
# %% write
text.write("def")
# %% show
print(text.getvalue(), text.tell(), data.read(), data.tell())
""",
    ),
    Hazard(
        "a queue that steps take from",
        """
# %% load
import queue
waiting = queue.Queue()
for number in range(4):
    waiting.put(number)
# %% first
first = waiting.get()
# %% second
second = waiting.get()
# %% show
print(first, second, waiting.qsize(), list(waiting.queue))
""",
    ),
    Hazard(
        "axes that a later step writes on",
        """
# %% plot
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2, 3]);
# %% title
axes.set_title("hazard");
# %% show
print(axes.get_title(), len(axes.lines))
figure
""",
    ),
    Hazard(
        "the folder of a module, asked for in try",
        """
# %% setup
import os
from pathlib import Path
try:
    here = Path(__file__).resolve().parent
    kind = "module"
except NameError:
    # in a notebook
    here = Path(".")
    kind = "notebook"
# %% load
there = here / "data"
# %% show
print(kind, here, there, os.path.basename(there))
""",
    ),
    Hazard(
        "an array that is read from a file as it is needed",
        """
# %% load
import numpy as np
np.save("values.npy", np.arange(12.0).reshape(3, 4))
values = np.load("values.npy", mmap_mode="r")
# %% sum
total = values.sum()
# %% show
print(total, values[1].sum(), type(values).__name__, values.flags.writeable, values.mode)
""",
    ),
    Hazard(
        "what setters of a library keep in C code",
        """
# %% set
import pyarrow as pa
from pyarrow import set_io_thread_count
before = pa.cpu_count(), pa.io_thread_count()
pa.set_cpu_count(7)
set_io_thread_count(5)
# %% back
print(pa.cpu_count(), pa.io_thread_count())
set_io_thread_count(before[1])
# %% show
import pyarrow
print(pyarrow.cpu_count(), pyarrow.io_thread_count() == before[1])
""",
    ),
    Hazard(
        "attributes that are set on frames and series",
        """
# %% load
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
df.title = "train set"
weights = df["x"] * 2.0
weights.unit = "kg"
# %% change
df.title += ", cleaned"
df["y"] = df.x.astype(str).str.len()
# %% show
print(getattr(df, "title", "unnamed"), getattr(weights, "unit", "none"), len(df))
""",
    ),
)
