"""The files in an emulator's state folder."""

from pathlib import Path

from msgspec import Struct


class StatePaths(Struct, frozen=True):
    """The files of one emulator, all below its state folder (mode 0700)."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file, the only one with secrets."""
        return self.root / "emulator.sqlite3"

    @property
    def blobs(self) -> Path:
        """The contents of blobs."""
        return self.root / "blobs"

    @property
    def logs(self) -> Path:
        """The logs of the server and of the containers."""
        return self.root / "logs"

    @property
    def staging(self) -> Path:
        """Code and models as containers find them on disk."""
        return self.root / "staging"

    @property
    def hub(self) -> Path:
        """The files of the Hub's seeded repositories."""
        return self.root / "hub"

    @property
    def ca_bundle(self) -> Path:
        """The public root certificates and the emulator's own CA, as PEM."""
        return self.root / "ca-bundle.pem"

    @property
    def profile(self) -> Path:
        """The profile of the running server: its addresses and process id."""
        return self.root / "profile.json"

    @property
    def lock(self) -> Path:
        """Locked by the running server, so that no second one uses the folder."""
        return self.root / "lock"

    def prepare(self) -> None:
        """Make the folders, readable by their owner alone."""
        for folder in (self.root, self.blobs, self.logs, self.staging):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
