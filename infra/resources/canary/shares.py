"""Which split of an endpoint's traffic a step of a rollout means; deployments of others keep their shares."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from infra.resources.traffic import nonzero

ALL = 100


class Shares(Struct, frozen=True):
    """The deployments of one stack among which its own share of the requests moves."""

    new: str
    old: str
    others: tuple[str, ...] = ()
    """Further deployments of the stack: what they get goes to `old` with the first step."""

    def own(self, traffic: Mapping[str, int]) -> int:
        """The percentage of all requests that the stack's deployments get."""
        return sum(traffic.get(name, 0) for name in {self.new, self.old, *self.others})

    def share(self, traffic: Mapping[str, int], step: int) -> int:
        """The percentage of all requests that `new` gets in a step: at least 1, and all of them only in the last."""
        own = self.own(traffic)
        return own if step >= ALL else max(min(max(round(own * step / ALL), 1), own - 1), 0)

    def split(self, traffic: Mapping[str, int], step: int) -> dict[str, int]:
        """The split of a step; of 0 with everything at `old`."""
        share = self.share(traffic, step) if step else 0
        theirs = {name: part for name, part in traffic.items() if name not in (self.new, self.old, *self.others)}
        return nonzero({**theirs, self.new: share, self.old: self.own(traffic) - share})

    def at(self, traffic: Mapping[str, int]) -> int:
        """How much of the stack's own share `new` has, in percent."""
        own = self.own(traffic)
        return round(traffic.get(self.new, 0) * ALL / own) if own else 0

    def left(self, traffic: Mapping[str, int], steps: Sequence[int]) -> tuple[int, ...]:
        """The steps that give `new` more than it has; of those that come to the same share, only the last."""
        shares = {self.share(traffic, step): step for step in steps}
        return tuple(step for share, step in shares.items() if share > traffic.get(self.new, 0))
