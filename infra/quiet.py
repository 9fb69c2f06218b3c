"""Silences chosen threads: azure-ai-ml prints dots, progress bars and colour codes from wherever it is called."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class QuietThreads:
    """While `installed`, the standard streams swallow what threads in `silence` write, and pass on the rest."""

    def __init__(self, thread_names: tuple[str, ...] = ()) -> None:
        self._names = thread_names
        self._lock = threading.Lock()
        self._holders = 0
        self._silent: set[int] = set()
        self._saved: tuple[Any, Any] = (None, None)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand between everyone and the streams; the last one to leave puts them back."""
        with self._lock:
            if self._holders == 0:
                self._saved = (sys.stdout, sys.stderr)
                sys.stdout, sys.stderr = _Filtered(sys.stdout, self), _Filtered(sys.stderr, self)
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if self._holders == 0:
                    sys.stdout, sys.stderr = self._saved

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Silence the calling thread."""
        me = threading.get_ident()
        with self.installed():
            self._silent.add(me)
            try:
                yield
            finally:
                self._silent.discard(me)

    def applies(self) -> bool:
        """Whether the calling thread is one of the silent ones."""
        name = threading.current_thread().name
        return threading.get_ident() in self._silent or name.startswith(self._names or "\0")


class _Filtered:
    """A stream that passes on what does not come from a silent thread; all else is the real stream's."""

    def __init__(self, real: Any, quiet: QuietThreads) -> None:
        self._real = real
        self._quiet = quiet

    def write(self, text: str) -> int:
        """Write, or swallow."""
        if not self._quiet.applies():
            self._real.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Whatever is not ours; inheriting from io's classes would close the real stream with us."""
        return getattr(self._real, name)
