"""What passwords, keys and tokens look like, and what only looks like one.

Own patterns rather than a scanner's: those import for longer than a whole check takes, and
work on files, while a finding here needs the cell and the line.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

# What it is, a text that each such credential holds (searched first, since that is quick),
# and its shape.
_SHAPES = tuple(
    (what, sign, re.compile(shape))
    for what, sign, shape in (
        ("an AWS access key", "AKIA", r"\bAKIA[0-9A-Z]{16}\b"),
        ("an AWS access key", "ASIA", r"\bASIA[0-9A-Z]{16}\b"),
        ("a GitHub token", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
        ("a GitHub token", "github_pat_", r"\bgithub_pat_\w{40,}\b"),
        ("a GitLab token", "glpat-", r"\bglpat-[\w-]{20,}\b"),
        ("a Slack token", "xox", r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b"),
        ("a Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T\w+/B\w+/\w{20,}"),
        ("an API key", "sk-", r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{32,}\b"),
        ("a Stripe key", "k_live_", r"\b[sr]k_live_[A-Za-z0-9]{20,}\b"),
        ("a Google API key", "AIza", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("a Google client secret", "GOCSPX-", r"\bGOCSPX-[\w-]{28}\b"),
        ("a Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{30,}\b"),
        ("a SendGrid key", "SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}\b"),
        ("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a PyPI token", "pypi-AgEI", r"\bpypi-AgEI[\w-]{50,}"),
        ("a DigitalOcean token", "dop_v1_", r"\bdop_v1_[0-9a-f]{64}\b"),
        ("a Databricks token", "dapi", r"\bdapi[0-9a-f]{32}\b"),
        ("an Azure storage key", "AccountKey=", r"\bAccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
        ("a signed token", "eyJ", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
        ("a bearer token", "earer ", r"\b[Bb]earer [A-Za-z0-9._~+/-]{20,}=*"),
        (
            "a private key",
            "PRIVATE KEY-----",
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\sA-Za-z0-9+/=\\\"',]{40,}",
        ),
        (
            "a URL with a password",
            "://",
            r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"<>]{1,80}:[^\s:/@{}'\"<>]{3,200}@[\w.-]+",
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
_BEFORE, _BEHIND = 120, 400  # characters around a sign in which a credential lies
_RANDOM_BITS = 3.0  # bits per character from which a text is hardly a word


def credentials_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield ``(what, secret)`` for each credential of known shape in ``text``, each once."""
    told: set[str] = set()
    for what, sign, shape in _SHAPES:
        start = text.find(sign)
        while start >= 0:
            # Only what lies around the sign is looked at: outputs can be very long.
            match = shape.search(text, max(start - _BEFORE, 0), start + _BEHIND)
            if match and match[0] not in told and not _placeholder(what, match[0]):
                told.add(match[0])
                yield what, match[0]
            start = text.find(sign, max(match.end() if match else 0, start + len(sign)))


def _placeholder(what: str, found: str) -> bool:
    if what == "a URL with a password":
        user, _, password = found.partition("://")[2].partition("@")[0].partition(":")
        return user == password or bool(_HARMLESS.match(password))
    lowered = found.lower()
    return "example" in lowered or "xxxx" in lowered or "your" in lowered or _bits(found) < 2


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
