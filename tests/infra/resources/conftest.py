"""The resources of one spec, and the token that they were created with."""

import pytest

from infra.hub.facts import ModelFacts
from infra.planning.desired import Sources, desired_resources
from infra.planning.sources.found import Found
from infra.resources.base import Resource
from infra.spec.model import StackSpec
from tests.infra.things import TOKEN


@pytest.fixture
def resources(stack_spec: StackSpec, gated_facts: ModelFacts, sources: Sources) -> dict[str, Resource]:
    return {r.kind: r for r in desired_resources(stack_spec, Found(gated_facts), TOKEN, sources, "page")}
