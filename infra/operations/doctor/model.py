"""The checks of the model and its adapters: are they there and whole, is there room, may the token read them."""

from functools import cached_property

from infra.azure.azure_clouds import check_registry
from infra.azure.target import Target
from infra.errors import AccessDenied, GateliftError, NotReady
from infra.hub.refusals import NOT_CACHED
from infra.hub.token_form import fault_of
from infra.operations.doctor.parts import Part, find_parts, look_at
from infra.operations.doctor.verdicts import CheckWarning
from infra.planning.cautions import disk_need
from infra.planning.token_access import NOT_READABLE, WRITE_ANEW, FoundToken, check_token, find_token, token_spec
from infra.resources.connection import Connection, token_hint
from infra.spec.model import StackSpec


class ModelChecks:
    """The checks that ask the Hub about one stack's model; `token` is the Hub token given to the command, or None."""

    def __init__(self, spec: StackSpec, target: Target, token: str | None) -> None:
        self.spec, self.target, self.hub = spec, target, target.hub
        self.given_token = token
        self._used_token: str | None = None

    def check_model(self) -> str:
        """The model, its revision and its adapters exist."""
        if self.spec.model.brings_container:
            check_registry(self.spec.model.label, self.target.azure)
            return f"{self.spec.model.label} is a registry model, which is not checked"
        return "; ".join(map(str, self.parts))

    def check_files(self) -> str:
        """The files are those of a model that the scoring server loads, and none is missing."""
        found = []
        for part in self.parts:
            contents = look_at(part, self.hub, self.given_token)
            if contents.fault:
                raise GateliftError(f"{part.label}: {contents.fault}", hint=contents.fix, code="model_files")
            found.append(f"{part.label}: {contents.found}" if part.adapter else contents.found)
        return "; ".join(found) or "those of a registry model are not checked"

    def check_disk(self) -> str:
        """The weights and the image fit on the instance type's disk, as far as anybody knows it."""
        if not self.parts:
            return f"{self.spec.model.label} is a registry model, whose size is not checked"
        need = disk_need(self.spec.deployment, self.parts[0].facts)
        if need is None:
            return "nobody says how large the weights are"
        if need.fits is False:
            raise CheckWarning(str(need), "choose a larger instance_type, or a smaller or quantized model")
        return str(need)

    def check_token(self) -> str:
        """The token, given or stored, gives access to the model and the adapters."""
        needy = [part for part in self.parts if part.facts.needs_token]
        for part in needy:
            if part.copied:
                self._check_copy(part)
        wanted = [part.facts.id for part in needy if part.downloaded]
        if not wanted:
            return self._unused()
        token = self._find_token()
        try:
            facts = check_token(self.spec, self.hub, token.value, wanted)
        except NotReady as error:
            if error.code == NOT_CACHED:  # the emulated Hub gives what it has kept for any token
                self._used_token = token.value
            elif all(part.facts.asked for part in self.parts):
                raise
            raise CheckWarning(f"the token is not checked: {error}", error.hint) from None
        self._used_token = token.value
        if token.warning:
            raise CheckWarning(f"{token.warning}; it is {facts.user}'s {facts.role} token", WRITE_ANEW)
        return f"{facts.user}'s {facts.role} token ({token.source}) gives access to {' and '.join(wanted)}"

    def check_download(self) -> str:
        """A byte of the files comes from where the Hub has them sent, with the token that the container will have."""
        tried: list[str] = []
        for part in [each for each in self.parts if each.downloaded]:
            token = self._used_token if part.facts.needs_token else None
            if part.facts.needs_token and token is None:
                raise CheckWarning(f"no file of {part.label} was tried, since the token cannot be read")
            for name in part.worth_trying if part.facts.asked else []:
                self.hub.try_file(part.facts, name, token)
                tried.append(name)
        how = "with the token" if self._used_token else "without a token"
        return f"{', '.join(tried)} can be read from here {how}" if tried else "containers download nothing to be tried"

    @cached_property
    def parts(self) -> list[Part]:
        """The model and its adapters; none for a registry model."""
        return [] if self.spec.model.brings_container else find_parts(self.spec, self.target, self.given_token)

    def _find_token(self) -> FoundToken:
        """The token that containers will have."""
        where = token_spec(self.spec)
        connection = Connection(where.connection, where.key, self.spec.name)
        live = None if self.given_token else connection.read(self.target.cloud)
        try:
            return find_token(self.spec, self.target, given=self.given_token, connection=live)
        except AccessDenied as error:
            if error.code in NOT_READABLE:
                raise CheckWarning(str(error), error.hint) from None
            raise

    def _check_copy(self, part: Part) -> None:
        if not self.given_token:
            message = f"{part.label} needs a token to be copied into the workspace, and none was given"
            raise AccessDenied(message, hint=token_hint(local=self.target.local), code="token_missing")
        self.hub.check_access(part.facts.id, self.given_token)

    def _unused(self) -> str:
        """What to say where no container needs a token; also of a given one that is none."""
        fault = fault_of(self.given_token) if self.given_token else ""
        return "the model needs no token" + (f", and HF_TOKEN holds none: it {fault}" if fault else "")
