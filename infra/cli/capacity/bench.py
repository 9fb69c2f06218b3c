"""`gatelift bench`: measures a running endpoint under load."""

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from infra.cli.input.paces import Counts, Names, Rates, paces_of
from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import DEFAULT_SPEC, PATH, Group, Integer, Invocation, Number, command
from infra.cli.views import bench as view
from infra.errors import GateliftError
from infra.load.prompts import made_up, read_prompts
from infra.load.run import Choose, Pace
from infra.load.slo import limits_of, read_slo
from infra.operations.capacity import bench as operation
from infra.operations.capacity.bench import WARM_UP, Load, Measured, Place
from infra.redaction import SEEN

app = Group()

MANY = 500  # requests that are sent to Azure without a question
BREACHED = 1
EPILOG = """\b
Examples:
  gatelift bench gatelift.yaml --rate 1,4,16 --slo ttft_p95=800ms,error_rate=1%
  gatelift bench gatelift.yaml --concurrency 1,8,32 --input-len 1000 --output-len 200 --report bench.html
  gatelift bench gatelift.yaml --compare blue,green --prompts questions.jsonl --save result.json
  OPENAI_API_KEY=… gatelift bench --url https://host/v1 --rate 2

\b
Exit codes: 0 measured, 1 an objective of --slo was not kept, no request of a pace was answered, or failed.
"""


class Findings(Struct, frozen=True):
    """What was found until now, and what it is about."""

    found: list[Measured]
    load: Load
    date: datetime
    about: dict[str, str]


@command(app, name="bench", epilog=EPILOG)
@click.argument("spec", type=PATH, required=False, help=f"The spec file; {DEFAULT_SPEC} if omitted.")
@click.option(
    "--rate", type=Rates(), metavar="R,…", help="Requests a second, one rate after another; 1,2,4 if omitted."
)
@click.option("--concurrency", type=Counts(), metavar="N,…", help="Requests at a time; alone, one follows the other.")
@click.option("--requests", type=Integer(1, 100_000), metavar="N", help="How many requests each pace sends.")
@click.option("--seconds", type=Number(1, 3600), default=20.0, help="How long each pace sends, without --requests.")
@click.option("--prompts", type=PATH, metavar="FILE", help="Prompts: one a line, JSON lines, or ShareGPT's JSON.")
@click.option("--input-len", type=Integer(1, 1_000_000), default=128, help="Words of the made-up prompts.")
@click.option("--output-len", type=Integer(1, 1_000_000), metavar="N", help="Answers of exactly so many tokens (vLLM).")
@click.option("--max-tokens", type=Integer(1, 1_000_000), default=128, help="The longest answer in tokens.")
@click.option("--deployment", metavar="NAME", help="Ask this deployment, whatever its share of the requests.")
@click.option("--compare", type=Names(), metavar="A,B", help="Ask these deployments in turn.")
@click.option("--slo", metavar="NAME=LIMIT,…", help="Objectives; those of the spec's rollout.slo if omitted.")
@click.option("--report", type=PATH, metavar="FILE", help="Write an HTML page.")
@click.option("--save", type=PATH, metavar="FILE", help="Write the JSON document of vLLM's bench, one a run.")
@click.option("--url", metavar="URL", help="Any OpenAI endpoint instead of a spec's; its key is in OPENAI_API_KEY.")
@click.option("--model", metavar="NAME", help="The model's name, e.g. an adapter's; the deployment's own if omitted.")
@click.option("--warm-up", type=Integer(0, 1000), default=WARM_UP, help="Requests before, which are not counted.")
@click.option("--burstiness", type=Number(0.01, 100), default=1.0, help="1: at random times; less: in bursts.")
@click.option("--seed", type=Integer(0), default=0, help="Of the times and the made-up prompts.")
def bench(call: Invocation, spec: Path | None, **options: Any) -> None:
    """Measure a running endpoint under load.

    Sends streamed chat completions through the endpoint's front end, as clients do, and measures the time to the first
    token, the gaps between tokens, whole answers, and errors. On Azure these are real requests beside those of its
    users: how many is told before, and asked for more than a few hundred.
    """
    for file in (options["report"], options["save"]):
        refuse_nowhere(file)
    if options["report"] and options["report"] == options["save"]:
        raise click.UsageError("--report and --save name the same file")
    places, limits = places_and_limits(call, spec, options)
    usual = Pace(
        requests=options["requests"], seconds=options["seconds"], burstiness=options["burstiness"], seed=options["seed"]
    )
    paces = paces_of(options["rate"] or (), options["concurrency"] or (), usual)
    choose, prompts = questions(options)
    load = Load(paces, choose, limits, options["warm_up"])
    announce(call, places, load, prompts)
    date = datetime.now().astimezone()
    about = {
        "model": places[0].client.model,
        "url": places[0].client.url,
        "deployments": ", ".join(place.deployment for place in places),
        "prompts": prompts,
        "date": f"{date:%Y-%m-%d %H:%M:%S %z}",
    }
    run = Findings([], load, date, about)
    call.out.data(call.out.paint(view.head(), "bold"))
    try:
        for measured in operation.measure(places, load):
            run.found.append(measured)
            call.out.data(view.row(measured))
    except KeyboardInterrupt:
        if run.found:  # what was measured until then is not lost
            write_files(call, run, options)
        raise
    tell(call, run.found, load)
    files = write_files(call, run, options)
    call.out.document({**about, **view.document(run.found, load, date), "files": [str(file) for file in files]})
    if any(each.breaches or each.silent for each in run.found):
        raise click.exceptions.Exit(BREACHED)


def places_and_limits(
    call: Invocation, spec: Path | None, options: dict[str, Any]
) -> tuple[tuple[Place, ...], dict[str, float]]:
    """What is measured, and the objectives: those of the command line, else those of the spec."""
    limits = read_slo(options["slo"]) if options["slo"] else {}
    if options["url"]:
        if spec or options["deployment"] or options["compare"] or call.local:
            raise click.UsageError("--url stands for a spec: give no SPEC, --local, --deployment or --compare with it")
        key = call.environ.get("OPENAI_API_KEY", "")
        SEEN.learn(key)
        return (operation.place_at(options["url"], key, options["model"] or ""),), limits
    if options["deployment"] and options["compare"]:
        raise click.UsageError("give --deployment or --compare")
    names = options["compare"] or ((options["deployment"].lower(),) if options["deployment"] else ())
    stack, target = open_stack(call, spec or DEFAULT_SPEC)
    if options["slo"] is None and stack.rollout:
        limits = limits_of(stack.rollout.slo)
    return operation.places_of(stack, target, names, options["model"] or ""), limits


def questions(options: dict[str, Any]) -> tuple[Choose, str]:
    """What is asked, and this in words."""
    longest, exactly = options["output_len"] or options["max_tokens"], options["output_len"] is not None
    answers = f"answers of {'exactly' if exactly else 'at most'} {longest} tokens"
    if not options["prompts"]:
        words = options["input_len"]
        return made_up(words, longest, seed=options["seed"], exactly=exactly), f"{words} random words, {answers}"
    read = read_prompts(options["prompts"], longest, exactly=exactly)
    return (lambda number: read[number % len(read)]), f"{len(read)} of {options['prompts'].name}, {answers}"


def announce(call: Invocation, places: Sequence[Place], load: Load, prompts: str) -> None:
    """Say what will be sent and where, and ask whether this is meant where it is much."""
    number = operation.requests_in_all(len(places), load)
    lasts = [pace.lasts for pace in load.paces]
    seconds = len(places) * sum(each or 0 for each in lasts)
    much = "as many requests as are answered" if number is None else f"{number} requests"
    if None not in lasts:
        much += f" in about {max(1, round(seconds))} s"
    named = " and ".join(f"deployment {place.deployment}" for place in places if place.deployment)
    call.out.message(f"{much} to {places[0].client.url}{named and f' ({named})'}: {prompts}")
    if not call.local and (number is None or number > MANY):
        call.confirm("send them to an endpoint that others may be using?", otherwise="nothing was measured")


def tell(call: Invocation, found: Sequence[Measured], load: Load) -> None:
    """Say what the objectives say, what failed, and whether this machine was the bottleneck."""
    for each in found:
        who = f"{each.place.deployment or 'the endpoint'} at {each.run.pace}"
        for error, count in each.summary.errors[:3]:
            call.out.warn(f"{who}: {count} × {error}")
        if each.silent:
            call.out.warn(f"{who}: no request was answered, so nothing was measured")
    if any(each.run.strained for each in found):
        call.out.warn(view.STRAINED)
    if load.limits:
        call.out.data()
        for line, good in view.verdict(found, load):
            call.out.data(call.out.paint(line, "green" if good else "red"))


def write_files(call: Invocation, run: Findings, options: dict[str, Any]) -> list[Path]:
    """Write what --save and --report ask for."""
    files = save(run.found, run.load, run.date, options["save"])
    if options["report"]:
        from infra.cli.reports.bench import bench_page  # only when it is asked for

        files.append(written(options["report"], bench_page(run.found, run.load, run.about)))
    for file in files:
        call.out.message(f"written: {file}")
    return files


def save(found: Sequence[Measured], load: Load, date: datetime, path: Path | None) -> list[Path]:
    """Write the document of each run as vLLM's bench does; several get the deployment and the number in their names."""
    if path is None:
        return []
    alone = len(load.paces) == 1 and len({each.place.deployment for each in found}) == 1
    files = []
    for number, each in enumerate(found, 1):
        name = "-".join(word for word in (path.stem, each.place.deployment, str(number)) if word)
        file = path if alone else path.with_name(name + (path.suffix or ".json"))
        files.append(written(file, json.dumps(view.result(each, load, date))))
    return files


def refuse_nowhere(file: Path | None) -> None:
    """Raise `GateliftError`, before anything is sent, for a file that cannot be written."""
    if file is None:
        return
    why = "this is a folder" if file.is_dir() else "" if file.parent.is_dir() else f"there is no folder {file.parent}"
    if not why and not os.access(file if file.exists() else file.parent, os.W_OK):
        why = "you may not write here"
    if why:
        raise GateliftError(f"{file}: {why}", hint="name a file in a folder that exists", code="unwritable_file")


def written(file: Path, text: str) -> Path:
    """Write a file; raises `GateliftError` where that does not work."""
    try:
        file.write_text(SEEN.redact(text), encoding="utf-8")
    except OSError as error:
        raise GateliftError(f"{file}: {error.strerror}", code="unwritable_file") from None
    return file
