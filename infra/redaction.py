"""The one redaction: it knows every secret that this run has seen, and everything printed or saved passes it.

Whoever reads a secret tells `SEEN`: the readers of tokens, and the client of Resource Manager for every document.
"""

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from infra.digests import fingerprint
from infra.errors import GateliftError, NotReady, Refused, printable

HIDDEN, HIDDEN_TOKEN = "(hidden)", "hf_…"
SHORTEST, SHORTEST_PLAIN, SHORTEST_LINE = 6, 8, 12  # characters; what is shorter stands in ordinary words, too
OURS = "gatelift"  # the names of tags and metadata that gatelift writes begin so, and none holds a secret
SECRET_NAME = re.compile(
    r"token(?!iz)|secret|passw|pwd|(api|access|account|private)_?key|credential|connection_?string|(^|_)sas(_|$)|key$",
    re.IGNORECASE,
)
HARMLESS_NAME = re.compile(
    r"_(file|path|dir|sock|name|id|url|uri|type|mode|store|model)$|^max_.*tokens?$", re.IGNORECASE
)
HARMLESS_VALUE = re.compile(r"(true|false|yes|no|on|off|none|null|[0-9.]{0,5}[km]?)", re.IGNORECASE)
REFERENCE = re.compile(r"\$\{\{[^{}]*\}\}")
LOOKS_SECRET = re.compile(
    r"hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|sk-[\w-]{20,}|AKIA[0-9A-Z]{16}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|[?&;]sig=[^&\s]{8,}|(AccountKey|SharedAccessKey)=[^;\s]{8,}|://[^/\s:@]*:[^/\s:@]{3,}@"
)
# Of what no document told: the form alone gives it away.
FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"hf_[A-Za-z0-9]{20,}"), HIDDEN_TOKEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"(?<=[?&;]sig=)[^&\s\"'<>\\]{8,}|(?<=%26sig%3D)[^&\s\"'<>\\]{8,}", re.IGNORECASE), HIDDEN),
    (re.compile(r"(?<=AccountKey=)[^;\s\"'\\]{8,}|(?<=SharedAccessKey=)[^;\s\"'\\]{8,}"), HIDDEN),
    (re.compile(r"(?<=Bearer )[\w.~+/=-]{16,}|(?<=Basic )[\w+/=-]{16,}"), HIDDEN),
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s:@]{3,}(?=@)"), HIDDEN),
    (
        re.compile(
            r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|\bsk-[\w-]{20,}|\bAKIA[0-9A-Z]{16}|glpat-[\w-]{16,}"
            r"|xox[abprs]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"
        ),
        HIDDEN,
    ),
)
# In what a service says: `"HF_TOKEN": "…"`, `api_key=…`.
QUOTED = re.compile(
    r"(?P<name>[\w.-]{0,60}(?:token|secret|passw|pwd|key|credential|connection_?string)[\w.-]{0,60})"
    r"(?P<between>(?:\\*[\"'])?\s?[:=]\s?(?:\\*[\"'])?)(?P<value>[^\s\"'\\,;{}()<>]{6,})",
    re.IGNORECASE,
)
# Fields of Azure's documents that are secrets whatever is in them, and those that hold them.
SECRET_FIELDS = {"primarykey", "secondarykey", "accesstoken", "refreshtoken", "password", "clientsecret", "accountkey"}
SECRET_PARTS = {"credentials", "keys"}
FOLDERS = ("PWD", "OLDPWD")  # the shell's, no passwords: hidden, every path of an error would lose its beginning
VARIABLES, LABELS = {"environmentvariables"}, {"tags", "metadata"}


class Secrets:
    """The secrets that a run has seen; `redact` takes them out of a text, in each of the forms that they travel in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget all, at the beginning of a run."""
        with self._lock:
            self._secrets: set[str] = set()
            self._plain: set[str] = set()
            self._public: set[str] = set()
            self._pattern: re.Pattern[str] | None = None

    def learn(self, *values: str) -> None:
        """Hide these values from now on."""
        with self._lock:
            if new := {value for value in values if len(value.strip()) >= SHORTEST} - self._secrets:
                self._secrets |= new
                self._pattern = None

    def learn_plain(self, *values: str) -> None:
        """Hide values that need not be secrets: only as words of their own, and not what the spec says itself."""
        with self._lock:
            new = {value for value in values if len(value) >= SHORTEST_PLAIN and not HARMLESS_VALUE.fullmatch(value)}
            if new := new - self._plain:
                self._plain |= new
                self._pattern = None

    def allow(self, document: Any) -> None:
        """The texts in a document that everybody may see, such as the spec: `learn_plain` does not hide them."""
        with self._lock:
            self._public |= set(_strings(document))
            self._pattern = None

    def learn_environment(self, environ: Mapping[str, str]) -> None:
        """Hide the values of the variables whose names or values say that they are secrets."""
        self.learn(*(v for name, v in environ.items() if name not in FOLDERS and looks_secret(name, v)))

    def learn_document(self, document: Any) -> None:
        """Hide what a document of Azure says that is secret: keys, credentials, environment variables, secret tags."""
        if isinstance(document, list):
            for item in document:
                self.learn_document(item)
        if not isinstance(document, Mapping):
            return
        for name, value in document.items():
            field = str(name).lower()
            if field in SECRET_PARTS and isinstance(value, Mapping | list):
                self.learn(*_secret_strings(value))
            elif field in VARIABLES and isinstance(value, Mapping):
                self._learn_variables(value)
            elif field in LABELS and isinstance(value, Mapping):
                self.learn(*(str(text) for key, text in value.items() if looks_secret(str(key), text)))
            elif isinstance(value, str):
                if field in SECRET_FIELDS or (field == "description" and LOOKS_SECRET.search(value)):
                    self.learn(*([value] if field in SECRET_FIELDS else _matches(value)))
            else:
                self.learn_document(value)

    def _learn_variables(self, variables: Mapping[str, Any]) -> None:
        for name, value in variables.items():
            if not isinstance(value, str) or REFERENCE.fullmatch(value) or str(name).startswith("SCORING_"):
                continue
            if looks_secret(str(name), value):
                self.learn(value)
            else:
                self.learn_plain(value)

    def redact(self, text: str) -> str:
        """The text without any secret."""
        pattern = self._pattern or self._compiled()
        if pattern.pattern:
            text = pattern.sub(lambda found: HIDDEN_TOKEN if found[0].startswith("hf_") else HIDDEN, text)
        for form, mask in FORMS:
            text = form.sub(mask, text)
        return text

    def redact_all(self, value: Any, *, quoted: bool = False) -> Any:
        """The same for every text in a document that JSON can hold; `quoted` also hides what `redact_quoted` hides."""
        if isinstance(value, str):
            return redact_quoted(str(value)) if quoted else self.redact(str(value))
        if isinstance(value, Mapping):
            return {self.redact(str(key)): self.redact_all(item, quoted=quoted) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_all(item, quoted=quoted) for item in value]
        return value

    def _compiled(self) -> re.Pattern[str]:
        with self._lock:
            hidden = {form for secret in self._secrets for form in forms(secret)}
            plain = [v for v in self._plain if not any(v in public or public == v for public in self._public)]
            words = {rf"(?<!\w){re.escape(form)}(?!\w)" for value in plain for form in forms(value)}
            parts = sorted([re.escape(form) for form in hidden] + list(words), key=len, reverse=True)
            self._pattern = re.compile("|".join(parts))
            return self._pattern


SEEN = Secrets()
"""The secrets that this process has seen."""


class RedactedStream:
    """A stream that takes the secrets out of what is written; `unredacted` is the real one, for what is asked for."""

    def __init__(self, unredacted: Any) -> None:
        self.unredacted = unredacted

    def write(self, text: str) -> int:
        """Write the text without secrets; returns its length."""
        self.unredacted.write(SEEN.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line without secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Any other attribute of the real stream."""
        return getattr(self.unredacted, name)


def looks_secret(name: str, value: Any) -> bool:
    """Whether a variable or a tag is a secret, by its name or by the form of its value."""
    if not isinstance(value, str) or REFERENCE.fullmatch(value) or name.lower().startswith(OURS):
        return False
    if LOOKS_SECRET.search(value) or (value.startswith("{") and QUOTED.search(value)):
        return True
    named = SECRET_NAME.search(name) and not HARMLESS_NAME.search(name)
    return bool(named) and not HARMLESS_VALUE.fullmatch(value.strip())


def shown_fingerprint(place: str, value: Any) -> str:
    """What stands for a value that is not shown: changes show, and nothing else does."""
    return f"(hidden, {fingerprint([place, value])[:8]})"


def redact_quoted(text: str) -> str:
    """What a service says, without the values that it quotes beside the name of a secret, and without secrets."""

    def hide(found: re.Match[str]) -> str:
        value = found["value"]
        sentence = not re.search("[\"'=]", found["between"]) and not re.search(
            "[0-9]", value
        )  # `the key: nobody knows`
        kept = (
            sentence
            or value.startswith(("$", "…", "<", "azureml:", "/subscriptions/", "http"))
            or not looks_secret(found["name"].rpartition(".")[2], value)
        )
        return found[0] if kept else f"{found['name']}{found['between']}{HIDDEN}"

    return QUOTED.sub(hide, SEEN.redact(text))


def told(error: GateliftError) -> str:
    """The message of an error as everybody may see it; that of a refusal may quote what a service said."""
    return redact_quoted(str(error)) if isinstance(error, Refused | NotReady) else SEEN.redact(str(error))


def forms(secret: str) -> Iterator[str]:
    """The forms in which a secret may stand in a text."""
    whole = secret.strip("\ufeff \t\r\n\0").removeprefix("Bearer ").strip()
    bare = whole.strip("\"'`")
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST_LINE]
    texts = {secret, whole, bare, printable(secret), " ".join(secret.split()), *(lines if len(lines) > 1 else ())}
    for text in {one for one in texts if len(one) >= SHORTEST}:
        yield text
        encoded = _encoded(text)
        for quoted in (quote(encoded, safe=""), quote(encoded), quote_plus(encoded)):
            yield quoted
            yield re.sub("%..", lambda found: found[0].lower(), quoted)
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield json.dumps(json.dumps(text))[3:-3]
        yield repr(text)[1:-1]
        yield from _base64(encoded)


def _encoded(text: str) -> bytes:
    """The text's bytes, also of one that is no Unicode: bytes of a variable, half a character of a JSON text."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _base64(secret: bytes) -> Iterator[str]:
    """Base64 of the secret at each of the three places where it may begin in a longer text."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret).decode()
        found = encoded[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        if len(found) >= SHORTEST_PLAIN:
            yield found
            yield found.replace("+", "-").replace("/", "_")


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for value in document.values():
            yield from _strings(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _strings(value)


def _secret_strings(document: Any) -> Iterator[str]:
    """The texts in credentials, without what only says of what kind or whose they are."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if not str(name).lower().endswith(("type", "id", "name", "permissions")):
                yield from _secret_strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _secret_strings(value)
    elif isinstance(document, str):
        yield document


def _matches(text: str) -> list[str]:
    return [found[0] for found in LOOKS_SECRET.finditer(text)]
