"""Stands for the scoring server where only provisioning is tested: it starts at once and has one answer."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer({"status": "ok"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        token = "a token" if os.environ.get("HF_TOKEN") else "no token"
        text = f"{os.environ.get('SCORING_MODEL')} with {token}"
        if asked.get("stream"):
            event = {"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]}
            self.send(f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n", "text/event-stream")
            return
        self.answer({"choices": [{"message": {"role": "assistant", "content": text}}]})

    def answer(self, document: dict[str, Any]) -> None:
        self.send(json.dumps(document), "application/json")

    def send(self, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    told = os.environ.get("CONTAINER", "")
    time.sleep(1 if told == "sleep" else 0)
    if told.startswith("crash"):
        sys.stdout.write(f"[startup] failed: {told.partition(' ')[2] or 'the variable says so'}" + "\n")
        sys.exit(1)
    for phase in ("imports", "weights", "engine", "first token"):
        sys.stdout.write(f"[startup] {phase} 0.01 s" + "\n")
    sys.stdout.write("[startup] ready 0.04 s" + "\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
