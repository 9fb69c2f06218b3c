"""One serving process from its first log line to its exit code."""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

import uvicorn

from scoring.engine import modules, start
from scoring.engine.fronts.rust import end_fronts
from scoring.errors import BadSettings, ScoringError
from scoring.process.host_driver import restart_process, settle
from scoring.process.lifecycle import bring_up, watch_engines
from scoring.process.progress import watch_progress
from scoring.settings.settings import ScoringSettings, read_settings
from scoring.timeline import Timeline
from scoring.web.access_log import AccessLog
from scoring.web.application import Application
from scoring.web.http_protocol import Protocol
from scoring.web.service import Service, State

logger = logging.getLogger("scoring")

# The kernel gives up a connection whose peer acknowledges or takes nothing for so long; accepted ones inherit it.
TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", 18)

HELP = """usage: python -m scoring [MODEL] [any argument of `vllm serve`]

Serves MODEL (a Hugging Face id or a folder) with vLLM. Without arguments the settings come from the environment:
PORT, SCORING_HOST, SCORING_MODEL, SCORING_REVISION, SCORING_SERVED_MODEL_NAME, SCORING_ENGINE_ARGS (a JSON object of
vLLM's arguments), SCORING_ENGINES (a JSON list of {"model": …, vLLM's arguments}: a chat and an embedding model in one
process), SCORING_ADAPTERS (a JSON list of fine-tuned adapters, each a model of its own name), SCORING_CACHE_DIR (where
downloads and compiled code are kept), SCORING_RESPONSE_STORE (where /v1/responses and /v1/conversations are: memory,
sqlite:///folder/file.db, redis://host:6379/0) with SCORING_RESPONSE_STORE_SECONDS and SCORING_RESPONSE_STORE_BYTES,
SCORING_RESPONSES_KEY (encrypts reasoning and compacted conversations that clients keep), SCORING_MCP_HOSTS (hosts of
MCP servers whose tools responses may call), SCORING_API_KEY (a key that clients must send), SCORING_FRONT
(which of vLLM's front ends answer: auto, rust, python), AZUREML_MODEL_DIR, HF_TOKEN, HF_ENDPOINT.
`vllm serve --help=all` lists vLLM's arguments."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    configure_logging()
    if {"-h", "--help"} & set(words):
        sys.stdout.write(HELP + "\n")
        return 0
    logger.info("[startup] %s", settle(os.environ, restart=restart_process if arguments is None else None))
    try:
        settings = read_settings(words, os.environ)
        listener = open_listener(settings)
    except ScoringError as error:
        log_failure(error)
        return 1
    modules.prepare_environment(os.environ)
    code = _run(settings, listener)
    leave(code)
    return code


def _run(settings: ScoringSettings, listener: socket.socket) -> int:
    timeline = Timeline()
    with asyncio.Runner(loop_factory=uvicorn.Config(app=_nothing).get_loop_factory()) as runner:
        return runner.run(serve(settings, listener, timeline))


def leave(code: int) -> None:
    """End now: threads that still import or load must not hold up the exit."""
    end_fronts()
    for child in start.child_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def configure_logging() -> None:
    """Write our log lines as they are to the standard output."""
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)


def open_listener(settings: ScoringSettings) -> socket.socket:
    """Listen at once, so that no probe is refused while the rest starts."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, settings.limits.stall_seconds * 1000)
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise BadSettings(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
            hint="is another server running there? choose another with PORT or --port",
        ) from error
    listener.set_inheritable(False)
    return listener


def log_death() -> None:
    """Say that the engine has died, and of what as far as that is known."""
    error = start.engine_failed("the engine died")
    logger.error("[shutdown] %s", error)
    logger.error("hint: %s", error.hint)


def log_failure(error: BaseException) -> None:
    """Say why the start failed, as the last lines of the log."""
    logger.error("[startup] failed: %s", " ".join(str(error).split()) or type(error).__name__)
    hint = error.hint if isinstance(error, ScoringError) else ""
    logger.error("hint: %s", hint or "the lines above say more")


async def serve(settings: ScoringSettings, listener: socket.socket, timeline: Timeline) -> int:
    """Listen, load, serve, and end: 0 when asked to stop, 1 when the start failed or the engine died."""
    service = Service(settings, timeline)
    http = http_server(service)
    stop = _stop_on_signals()
    listening = asyncio.create_task(http.serve(sockets=[listener]))
    logger.info("[startup] listening on http://%s:%d", *listener.getsockname()[:2])
    code, error = await _live(service, stop)
    http.should_exit = True
    await listening
    for engine in service.engines:
        await engine.close()
    if error is not None:
        log_failure(error)
    return code


def http_server(service: Service) -> "SignalFreeServer":
    """Return what speaks HTTP for a service."""
    return SignalFreeServer(
        uvicorn.Config(
            AccessLog(Application(service), service.counts),
            http=functools.partial(Protocol, limits=service.settings.limits),  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,  # by then only clients that do not read are left, and half-sent requests
        )
    )


async def _live(service: Service, stop: asyncio.Event) -> tuple[int, BaseException | None]:
    stopping = asyncio.create_task(stop.wait())
    loading = asyncio.create_task(bring_up(service))
    await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not loading.done():
        service.state = State.DRAINING
        return 0, None
    if loading.exception() is not None:
        return 1, loading.exception()
    watching = asyncio.create_task(watch_engines(service))
    progress = asyncio.create_task(watch_progress(service))
    await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    progress.cancel()
    if watching.done():
        service.state = State.FAILED
        log_death()
        for engine in service.engines:
            engine.do_without_rust("the engine died")  # it would let its streams hang
        await service.drain(2)
        return 1, None
    watching.cancel()
    logger.info(
        "[shutdown] draining %d requests, at most %.0f s", len(service.in_flight), service.settings.grace_seconds
    )
    await service.drain(service.settings.grace_seconds)
    return 0, None


def _stop_on_signals() -> asyncio.Event:
    """Return the event of the first SIGTERM or SIGINT; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(number: int) -> None:
        if stop.is_set():
            leave(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    return stop


class SignalFreeServer(uvicorn.Server):
    """A uvicorn server that leaves signals to us: we drain first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Do nothing: our own handlers decide."""


async def _nothing(*_: object) -> None:
    """Stand in for an app where uvicorn only has to choose its event loop."""
