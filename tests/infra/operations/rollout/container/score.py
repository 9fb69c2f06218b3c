"""Stands for the scoring server in a rollout: streams answers and counts as ours does; `VERSION` says how well.

`VERSION` is `good`, or some of `ttft=SECONDS gap=SECONDS errors=SHARE anonymous=1 no_chat=1
key=ONE` with spaces between them.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SETTINGS = dict(part.split("=") for part in os.environ.get("VERSION", "").split() if "=" in part)
TTFT, GAP, ERRORS = (float(SETTINGS.get(name, 0)) for name in ("ttft", "gap", "errors"))
BOUNDS = (0.001, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0)
STARTED = time.time()
LOCK = threading.Lock()
STATUSES: Counter[int] = Counter()
TIMES: dict[str, list[float]] = {"time_to_first_token_seconds": [], "inter_token_latency_seconds": []}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/health" and not self.is_allowed():
            self.answer(401, '{"error": {"message": "another key"}}', "application/json")
        elif self.path == "/metrics":
            self.answer(200, metrics(), "text/plain")
        else:
            self.answer(200, '{"status": "ok"}', "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if not self.is_allowed():
            self.answer(401, '{"error": {"message": "another key"}}', "application/json")
        elif "no_chat" in SETTINGS:
            self.answer(400, '{"error": {"message": "no chat template"}}', "application/json")
        elif STATUSES and random.random() < ERRORS:  # the smoke test comes first
            self.answer(500, '{"error": {"message": "the version is broken"}}', "application/json")
        elif asked.get("stream"):
            self.stream()
        else:
            time.sleep(TTFT)
            document = {"choices": [{"message": {"role": "assistant", "content": os.environ.get("VERSION")}}]}
            self.answer(200, json.dumps(document), "application/json")

    def is_allowed(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {SETTINGS['key']}" if "key" in SETTINGS else True

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        time.sleep(TTFT)
        self.note("time_to_first_token_seconds", TTFT)
        for number in range(4):
            if number:
                time.sleep(GAP)
                self.note("inter_token_latency_seconds", GAP)
            end = "stop" if number == 3 else None
            event = {"choices": [{"delta": {"content": "word "}, "finish_reason": end}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.count(200)
        self.close_connection = True

    def answer(self, status: int, text: str, kind: str) -> None:
        if self.command == "POST":
            self.count(status)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def count(self, status: int) -> None:
        with LOCK:
            STATUSES[status] += 1

    def note(self, name: str, seconds: float) -> None:
        with LOCK:
            TIMES[name].append(seconds)

    def log_message(self, *args: object) -> None:
        pass


def metrics() -> str:
    with LOCK:
        lines = [] if "anonymous" in SETTINGS else [f"process_start_time_seconds {STARTED}"]
        for name, times in TIMES.items():
            for bound in (*BOUNDS, float("inf")):
                count = sum(seconds <= bound for seconds in times)
                le = "+Inf" if bound == float("inf") else bound
                lines.append(f'vllm:{name}_bucket{{engine="0",le="{le}",model_name="m"}} {count}.0')
        for status, count in STATUSES.items():
            labels = f'front="python",route="POST /v1/chat/completions",status="{status}"'
            lines.append(f"gatelift_requests_total{{{labels}}} {count}.0")
    return "\n".join(lines) + "\n"


def main() -> None:
    sys.stdout.write("[startup] ready 0.04 s\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
