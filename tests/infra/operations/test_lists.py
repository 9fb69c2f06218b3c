"""Whatever gatelift lists, it reads every page: the emulator of the tests puts two items on one."""

from typing import Any

from infra.operations.catalog import catalog_list, catalog_publish


def test_the_catalog_lists_the_models_of_every_page(bench: Any) -> None:
    specs = [bench.spec("paged", catalog={"name": f"paged-{number}"}) for number in range(5)]
    target = bench.target(specs[0])
    for spec in specs:
        catalog_publish(spec, target)
    listed = catalog_list(specs[0], target, include_hidden=True, as_of=None)
    assert [entry["name"] for entry in listed] == [f"paged-{number}" for number in range(5)]


def test_down_removes_versions_of_every_page(bench: Any) -> None:
    """Five versions of one entry: the stack's own is among those that a first page of two leaves out."""
    for version in range(5):
        catalog_publish(bench.spec("many", catalog={"version": str(version)}), bench.target(bench.spec("many")))
    spec = bench.spec("many")
    bench.down(spec)
    assert catalog_list(spec, bench.target(spec), include_hidden=True, as_of=None) == []
