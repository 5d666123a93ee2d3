"""What passwords, keys and tokens look like, and what only looks like one.

Own patterns rather than a scanner's: those import for longer than a whole check takes, and
work on files, while a finding here needs the cell and the line.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

# What it is, and its shape. Each begins with a literal text, which Python's `re` finds fast even
# in outputs of many megabytes; what has to stand before it is looked at afterwards.
_SHAPES = tuple(
    (what, re.compile(shape))
    for what, shape in (
        ("an AWS access key", r"AKIA[0-9A-Z]{16}\b"),
        ("an AWS access key", r"ASIA[0-9A-Z]{16}\b"),
        ("a GitHub token", r"ghp_[A-Za-z0-9]{36,}\b"),
        ("a GitHub token", r"gho_[A-Za-z0-9]{36,}\b"),
        ("a GitHub token", r"ghu_[A-Za-z0-9]{36,}\b"),
        ("a GitHub token", r"ghs_[A-Za-z0-9]{36,}\b"),
        ("a GitHub token", r"ghr_[A-Za-z0-9]{36,}\b"),
        ("a GitHub token", r"github_pat_\w{40,}\b"),
        ("a GitLab token", r"glpat-[\w-]{20,}\b"),
        ("a Slack token", r"xox[abprs]-[A-Za-z0-9-]{10,}\b"),
        ("a Slack webhook", r"hooks\.slack\.com/services/T\w+/B\w+/\w{20,}"),
        ("an API key", r"sk-(?:[a-z]+-|[a-z]+\d+-)*[A-Za-z0-9_-]{32,}\b"),
        ("a Stripe key", r"sk_live_[A-Za-z0-9]{20,}\b"),
        ("a Stripe key", r"rk_live_[A-Za-z0-9]{20,}\b"),
        ("a Google API key", r"AIza[0-9A-Za-z_-]{35}\b"),
        ("a Google client secret", r"GOCSPX-[\w-]{28}\b"),
        ("a Hugging Face token", r"hf_[A-Za-z0-9]{30,}\b"),
        ("a SendGrid key", r"SG\.[\w-]{22}\.[\w-]{43}\b"),
        ("an npm token", r"npm_[A-Za-z0-9]{36}\b"),
        ("a PyPI token", r"pypi-AgEI[\w-]{50,}"),
        ("a DigitalOcean token", r"dop_v1_[0-9a-f]{64}\b"),
        ("a Databricks token", r"dapi[0-9a-f]{32}\b"),
        ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
        ("a signed token", r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
        ("a bearer token", r"earer [A-Za-z0-9._~+/-]{20,}=*"),
        (
            "a private key",
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\sA-Za-z0-9+/=\\\"',]{40,}",
        ),
        (
            "a URL with a password",
            r"://[^\s:/@'\"<>]{1,80}:[^\s:/@{}'\"<>]{3,200}@[\w.-]+",
        ),
    )
)
# Names of passwords, and names of keys, which need to look like one as well.
_PASSWORD = re.compile(r"(?:^|_)(?:password|passwd|passphrase)$", re.I)
_KEY = re.compile(
    r"(?:^|_)(?:pwd|secret|api_?key|access_?key|account_?key|subscription_?key|secret_?key"
    r"|private_?key|client_?secret|(?:auth|access|api|bearer|refresh)_?token)(?:_id)?$",
    re.I,
)
_TOKEN = re.compile(r"(?:^|_)(?:token|credentials?)$", re.I)
_HARMLESS = re.compile(
    r"^(?:[<{\[*(].*|[x.*•-]+|(?:your|my|some|the|insert|enter|put|add|replace)[\W_].*"
    r"|.*(?:example|placeholder|xxxx|\.\.\.|…|redacted|changeme|change_me|dummy|fake).*"
    r"|none|null|todo|test|testing|password|passwd|passphrase|pass|secret|user|admin|root"
    r"|string|str|text|\$.*|%.*|/.*|https?://[^@]*)$",
    re.I | re.S,
)
_RANDOM_BITS = 3.0  # bits per character from which a text is hardly a word


def credentials_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield ``(what, secret)`` for each credential of known shape in ``text``, each once."""
    told: set[str] = set()
    for what, shape in _SHAPES:
        for match in shape.finditer(text):
            found = match[0]
            before = text[match.start() - 1 : match.start()]
            inside_word = found[0].isalnum() and (before.isalnum() or before == "_")
            if what == "a bearer token":
                inside_word = before not in {"b", "B"}
            if found not in told and not inside_word and not _placeholder(what, found):
                told.add(found)
                yield what, found


# Names of secrets as programs print them, such as those of environment variables.
_PRINTED_NAMES = (
    *("PASSWORD", "password", "PASSPHRASE", "SECRET", "secret", "API_KEY", "api_key"),
    *("APIKEY", "ACCESS_KEY", "access_key", "TOKEN", "token"),
)
# Without quotes, a value ends where code does, or another name begins.
_PRINTED = re.compile(
    r"""(\w*)['"]?\s?(?:[:=]|=>)\s?(?:(?P<quote>['"])(?P<text>[^\s'"]{6,200})(?P=quote)"""
    r"""|(?P<bare>(?:(?![,;&][\w$.-]*[:=])[^\s'"<>(){}]){6,200}))"""
)
_CODE = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)


def printed_secrets(text: str) -> Iterator[tuple[str, str]]:
    """Yield ``(name, secret)`` where ``text`` shows a secret beside its name, each once.

    The code that a library's HTML carries along is nothing that the cell printed.
    """
    told: set[str] = set()
    if "<" in text:
        text = _CODE.sub("", text)
    for sign in _PRINTED_NAMES:
        start = text.find(sign)
        while start >= 0:
            end = start + len(sign)
            match = _PRINTED.match(text, end)
            begin = start
            while (
                begin > 0
                and start - begin < 60
                and (text[begin - 1].isalnum() or text[begin - 1] == "_")
            ):
                begin -= 1
            value = match["text"] or match["bare"] if match else ""
            if match and value not in told:
                name = text[begin:end] + match[1]
                if names_secret(name, value, named_directly=False):
                    told.add(value)
                    yield name, value
            start = text.find(sign, end)


def _placeholder(what: str, found: str) -> bool:
    if what == "a URL with a password":
        user, _, password = found.partition("://")[2].partition("@")[0].partition(":")
        return user == password or bool(_HARMLESS.match(password))
    lowered = found.lower()
    return "example" in lowered or "xxxx" in lowered or "your" in lowered or _bits(found) < 2


def is_placeholder(value: str) -> bool:
    """Whether a text stands for a secret and is none: empty, ``changeme``, ``<your token>``."""
    return not value.strip() or bool(_HARMLESS.match(value.strip()))


def names_secret(name: str, value: str, *, named_directly: bool) -> bool:
    """Whether giving ``name`` the text ``value`` most likely writes a secret down.

    Args:
        name: Variable, argument, key or environment variable.
        value: The text.
        named_directly: It is a variable or argument, not the key of some table, which
            may be the name of a column.
    """
    if len(value) < 4 or _HARMLESS.match(value) or _HARMLESS.match(value.strip("'\" ")):
        return False
    if _PASSWORD.search(name):
        return _looks_random(value, 6) or (named_directly and " " not in value)
    if _KEY.search(name):
        return _looks_random(value, 8)
    return bool(_TOKEN.search(name)) and _looks_random(value, 20)


def _looks_random(value: str, shortest: int) -> bool:
    """Whether ``value`` is rather made by chance than a word, a name or a path."""
    if len(value) < shortest or " " in value or "/" in value[:2]:
        return False
    letters = any(each.isalpha() for each in value)
    digits = sum(each.isdigit() for each in value)
    if re.fullmatch(r"[a-zA-Z]+(?:[_ .-][a-zA-Z]+)*[_.-]?\d{0,2}", value):
        # Words, maybe with a number behind them; long ones of mixed case are no words.
        mixed = value.isalpha() and not value.islower() and not value.isupper()
        return mixed and len(value) >= 20 and _bits(value) >= 4
    if letters and digits:
        return _bits(value) >= (_RANDOM_BITS if len(value) >= 12 else 2)
    return letters and any(each in "!@#$%^&*?~" for each in value)


def _bits(text: str) -> float:
    """Return Shannon's entropy of ``text``, bits per character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
