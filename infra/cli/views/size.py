"""Shows the sizes for a model to people: the answer, the table, the numbers behind it, and what is estimated."""

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from infra.cli.terminal.output import table
from infra.cli.terminal.style import Painter
from infra.sizing.instance_types import instance_type

Document = Mapping[str, Any]
GIB, KIB = 1 << 30, 1 << 10
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
WIDTH, NARROWEST = 118, 40
WHOLE_TABLE = 104  # columns that it needs
LEFT_OUT = ("GPUS", "ALL", "A MONTH")  # in a narrower terminal; `--output json` has all of it
MARKS = "*+^~"
MOST_NAMES = 3
WORDS = {"fits": "yes", "tight": "tight", "unknown": "?", "no": "no"}
FORMULA = "estimates: docs/size.md has the formulas; `gatelift bench` measures the real deployment"


def size_text(document: Document, paint: Painter, *, every: bool) -> str:
    """The whole answer; `every` shows the sizes that it does not fit on, too, each with the reason."""
    rows: Sequence[Document] = document["sizes"]
    fitting = [row for row in rows if row["verdict"] != "no"]
    others = [row for row in rows if row["verdict"] == "no"]
    parts = [
        answer_text(document, paint),
        sizes_table(document, fitting, paint) if fitting else "",
        _left_out(document, others, paint, every=every or not fitting),
        "\n".join(_numbers(document, paint)),
        "\n".join(paint(line, "dim") for text in _doubts(document, fitting) for line in _wrapped(text)),
    ]
    return "\n\n".join(part for part in parts if part)


def answer_text(document: Document, paint: Painter) -> str:
    """The first lines: which size to take, and with which arguments."""
    best, quantized = document["best"], document["quantized"]
    lines = []
    if best:
        tight = best["verdict"] == "tight"
        text = ("perhaps it fits: " if tight else "cheapest that fits: ") + offer_text(document, best)
        lines += [paint(line, "bold") for line in _wrapped(text)]
    elif any(row["verdict"] == "unknown" for row in document["sizes"]):
        lines.append(paint("nobody can say where it fits: its memory is not known", "yellow"))
    else:
        alone = document["sizes"][0]["instance_type"] if len(document["sizes"]) == 1 else ""
        where = f"it does not fit on {alone}" if alone else "it fits on no size that managed online endpoints offer"
        lines += [paint(line, "red") for line in _wrapped(where + ("" if alone else _note(document["why"])))]
    if best and (doubtful := _doubtful(document, best)):
        lines += _wrapped(f"cheaper, but doubtful (below): {offer_text(document, doubtful)}")
    if quantized and (not best or _cheaper(quantized, best)):
        lines += _wrapped(f"with quantization: {quantized['quantization']}: {offer_text(document, quantized)}")
    if own := next((row for row in document["sizes"] if row["instance_type"] == document["instance_type"]), None):
        said = {"fits": "it fits", "no": f"it does not fit: {own['why']}"}.get(own["verdict"], own["why"])
        lines += _wrapped(f"the spec's {own['instance_type']}: {said}") if own != best else []
    elif (name := document["instance_type"]) and not instance_type(name):
        lines += _wrapped(f"the spec's {name} is none of the GPU sizes that managed online endpoints offer")
    return "\n".join(lines)


def _doubtful(document: Document, best: Document) -> Document | None:
    """A cheaper size that fits and is not proposed, since it has a caution that the best one has not."""
    fitting = (
        row for row in document["sizes"] if row["verdict"] == "fits" and row["cautions"] and not best["cautions"]
    )
    return next((row for row in fitting if _cheaper(row, best)), None)


def offer_text(document: Document, offer: Document) -> str:
    """A size in words, with its price and the arguments that go with it."""
    price = ""
    if offer["hour"] is not None:
        hour, month = money(document, offer["hour"]), money(document, offer["month"], cents=False)
        price = f", {hour}/h ({month} a month)"
    arguments = f"tensor_parallel_size {offer['tensor_parallel_size']}, max_model_len {offer['max_model_len']}"
    return f"{offer['instance_type']}{price}, {arguments}"


def sizes_table(document: Document, rows: Sequence[Document], paint: Painter) -> str:
    """The sizes on which it fits, at least perhaps."""
    header = ["INSTANCE TYPE", "GPUS", "FITS", "TP", "LONGEST", f"AT {document['context']:,}"]
    header += ["TOK/S ONE", "ALL", "AN HOUR", "A MONTH"]
    marks = dict(zip(_cautions(rows), MARKS, strict=False))
    best = document["best"]["instance_type"] if document["best"] else None
    cells = [_row(document, row, marks) for row in rows]
    if _width() < WHOLE_TABLE:
        kept = [place for place, name in enumerate(header) if name not in LEFT_OUT]
        header, *cells = ([line[place] for place in kept] for line in (header, *cells))
    lines = table(header, cells, paint).splitlines()
    return "\n".join(paint(line, "bold") if line.partition(" ")[0] == best else line for line in lines)


def _row(document: Document, row: Document, marks: Mapping[str, str]) -> list[str]:
    speed, known = row["speed"], row["verdict"] != "unknown"
    encoder = document["architecture"]["encoder_only"]
    return [
        row["instance_type"],
        f"{row['gpus']} x {row['gpu']}",
        WORDS[row["verdict"]] + "".join(marks.get(caution, "") for caution in row["cautions"]),
        f"{used} of {row['gpus']}" if (used := row["gpus_used"]) < row["gpus"] else str(row["tensor_parallel_size"]),
        f"{row['longest_context']:,}" if known else "?",
        "" if encoder else (f"{row['concurrent_requests']:,}" if known else "?"),
        about(speed["tokens_per_second_of_one"]) if speed and not encoder else "",
        about(speed["tokens_per_second_of_all"]) if speed else "",
        money(document, row["hour"]),
        money(document, row["month"], cents=False),
    ]


def _left_out(document: Document, rows: Sequence[Document], paint: Painter, *, every: bool) -> str:
    if not rows:
        return ""
    if not every:
        more = "1 more size" if len(rows) == 1 else f"{len(rows)} more sizes"
        return paint(f"it does not fit on {more}: --all shows why", "dim")
    cells = [[row["instance_type"], f"{row['gpus']} x {row['gpu']}", money(document, row["hour"])] for row in rows]
    whole = [[*cell, row["why"]] for cell, row in zip(cells, rows, strict=True)]
    return table(["DOES NOT FIT", "GPUS", "AN HOUR", "WHY"], whole, paint)


def _numbers(document: Document, paint: Painter) -> list[str]:
    shown = document["best"] or next(iter(document["sizes"]), None)
    lines = [_line("model", _model_text(document))]
    if weights := document["weights"]:
        exact = "" if weights["exact"] else ", by the sizes of the files"
        lines.append(_line("weights", f"{_gib(weights['loaded'])}{exact}"))
    if shown and shown["kv_bytes_per_token"]:
        each = f"{shown['kv_bytes_per_token'] / KIB:,.1f} KiB a token"
        request = f"{_gib(shown['kv_bytes_per_request'])} a request of {document['context']:,} tokens"
        parallel = shown["tensor_parallel_size"]
        lines.append(_line("KV cache", f"{each}, {request}" + (", on each GPU" if parallel > 1 else "")))
    if shown and shown["per_gpu"]["weights"]:
        lines.append(_line("each GPU", _memory_text(document, shown)))
    if shown and (speed := shown["speed"]):
        lines.append(_line("speed", f"{_speed_text(document, speed)}; on {shown['instance_type']}"))
    return [paint("The numbers behind it", "bold"), *lines]


def _model_text(document: Document) -> str:
    found, weights = document["architecture"], document["weights"]
    parts = [found["name"] or "an unknown architecture"]
    if weights and weights["parameters"]:
        active = weights["active_parameters"]
        some = f", {_billions(active)} of them active" if active < weights["parameters"] else ""
        parts.append(f"{_billions(weights['parameters'])} parameters{some}")
    stored = found["quantization"]
    parts.append(f"{stored['method']} in {found['dtype']}" if stored else found["dtype"])
    if found["layers"]:
        parts.append(f"{found['layers']} layers")
    if found["kv_heads"]:
        parts.append(f"{found['heads']} heads, {found['kv_heads']} of keys and values")
    if found["longest_context"]:
        parts.append(f"up to {found['longest_context']:,} tokens")
    if found["unknown"]:
        parts.append(f"unknown: {found['unknown']}")
    return ", ".join(parts)


def _memory_text(document: Document, row: Document) -> str:
    memory = row["per_gpu"]
    beside = memory["activations"] + memory["cuda_graphs"] + memory["other"]
    share = document["gpu_memory_utilization"]
    left = "too much" if memory["kv_cache"] < 0 else f"{_gib(memory['kv_cache'])} "
    left += "" if memory["kv_cache"] < 0 else "of cache" if row["kv_bytes_per_token"] else "left"
    return (
        f"{_gib(memory['taken'])} of {_gib(memory['memory'])} (gpu_memory_utilization {share:g}) on "
        f"{row['instance_type']}: {_gib(memory['weights'])} of weights, about {_gib(beside)} beside them, {left}"
    )


def _speed_text(document: Document, speed: Document) -> str:
    if document["architecture"]["encoder_only"]:
        return f"about {about(speed['tokens_per_second_of_all'])} tokens/s are read"
    return (
        f"about {about(speed['tokens_per_second_of_one'])} tokens/s for one request, "
        f"{about(speed['tokens_per_second_of_all'])} for {speed['requests']:,} at once; "
        f"{speed['seconds_to_first_token'] * 1000:,.0f} ms to the first token of 1,000"
    )


def _doubts(document: Document, rows: Sequence[Document]) -> list[str]:
    """What to know before one relies on it."""
    lines = [f"{mark} {caution}" for caution, mark in zip(_cautions(rows), MARKS, strict=False)]
    lines += [_reason(verdict, why, names) for (verdict, why), names in _by_reason(rows).items()]
    lines += document["notes"]
    asked = "" if document["region_given"] else ", since no region is given (--region)"
    lines.append(f"prices of {document['region']}{asked}, pay as you go" + _note(document["prices_note"]))
    return [*lines, FORMULA]


def _by_reason(rows: Sequence[Document]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["why"]:
            found.setdefault((row["verdict"], row["why"]), []).append(row["instance_type"])
    return found


def _reason(verdict: str, why: str, names: Sequence[str]) -> str:
    where = ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} sizes"
    return f"{WORDS[verdict]}: {where}: {why}"


def _cautions(rows: Sequence[Document]) -> list[str]:
    return list(dict.fromkeys(caution for row in rows for caution in row["cautions"]))


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, _width(), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    """The width of the terminal, as far as it is less than `WIDTH`."""
    return max(NARROWEST, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH))


def _note(text: str) -> str:
    return f": {text}" if text else ""


def _cheaper(one: Document, other: Document) -> bool:
    return one["hour"] is not None and other["hour"] is not None and one["hour"] < other["hour"]


def money(document: Document, amount: float | None, *, cents: bool = True) -> str:
    """An amount in the document's currency."""
    if amount is None:
        return "?"
    code = document["currency"]
    return f"{SYMBOLS.get(code, f'{code} ')}{amount:,.{2 if cents else 0}f}"


def about(number: float) -> str:
    """An estimate with two digits that count."""
    digits = len(str(int(number)))
    return f"{round(number, 2 - digits):,.0f}" if number >= 1 else f"{number:.1f}"


def _line(name: str, text: str) -> str:
    return "\n".join(_wrapped(f"  {name:<10}{text}", " " * 12))


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / (1 << 20):,.1f} MiB"


def _billions(number: int) -> str:
    return f"{number / 1e9:.1f} billion" if number >= 1e9 else f"{number / 1e6:.0f} million"
