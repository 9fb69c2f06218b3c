"""Silences chosen threads: azure-ai-ml prints dots, progress bars and colour codes from wherever it is called."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class QuietThreads:
    """While any thread is in `silence`, the standard streams swallow what it writes, and pass on the rest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent: list[int] = []
        self._saved: tuple[Any, Any] = (None, None)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Silence the calling thread; the last one to leave puts the streams back."""
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
        """Whether the calling thread is one of the silent ones."""
        return threading.get_ident() in self._silent


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
