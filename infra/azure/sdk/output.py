"""Discards what chosen threads print, since azure-ai-ml prints dots, progress bars and colour codes."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class QuietThreads:
    """Discards what a thread inside `silence` writes to the standard streams; other threads write as usual."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent: list[int] = []
        self._saved: tuple[Any, Any] = (None, None)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Silence the calling thread; the last thread to leave restores the streams."""
        me = threading.get_ident()
        with self._lock:
            if not self._silent:
                self._saved = (sys.stdout, sys.stderr)
                sys.stdout, sys.stderr = _Filtered(sys.stdout, self), _Filtered(sys.stderr, self)
            self._silent.append(me)
        try:
            yield
        finally:
            with self._lock:
                self._silent.remove(me)
                if not self._silent:
                    sys.stdout, sys.stderr = self._saved

    def applies(self) -> bool:
        """Whether the calling thread is silenced."""
        return threading.get_ident() in self._silent


class _Filtered:
    """A stream that discards what silenced threads write and passes on the rest."""

    def __init__(self, real: Any, quiet: QuietThreads) -> None:
        self._real = real
        self._quiet = quiet

    def write(self, text: str) -> int:
        """Write the text, or discard it; returns its length."""
        if not self._quiet.applies():
            self._real.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Any other attribute of the real stream; a subclass of io's classes would close that stream with itself."""
        return getattr(self._real, name)
