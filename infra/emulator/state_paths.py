"""Where an emulator keeps what it knows."""

from pathlib import Path

from msgspec import Struct


class StatePaths(Struct, frozen=True):
    """The files of one emulator, all below its state folder (mode 0700)."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file, the only place where secrets lie."""
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
        """Code and models as they are laid out for containers."""
        return self.root / "staging"

    @property
    def hub(self) -> Path:
        """The files of the Hub's seeded repositories."""
        return self.root / "hub"

    @property
    def ca_bundle(self) -> Path:
        """The public roots plus the emulator's own CA, as PEM."""
        return self.root / "ca-bundle.pem"

    @property
    def profile(self) -> Path:
        """Where the running server says how it is reached."""
        return self.root / "profile.json"

    @property
    def lock(self) -> Path:
        """Held by the running server, so that a state folder has one."""
        return self.root / "lock"

    def prepare(self) -> None:
        """Make the folders, readable by their owner alone."""
        for folder in (self.root, self.blobs, self.logs, self.staging):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
