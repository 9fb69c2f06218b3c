"""Usages, quotas and VM sizes of a region."""

from infra.emulator.arm.call import Call, Routes
from infra.emulator.arm.quota.rules import limit, usage
from infra.emulator.arm.quota.vm_sizes import FAMILIES, SIZES
from infra.emulator.gateway.messages import Reply
from infra.emulator.state.store import Document


def _entry(call: Call, family: str, kind: str) -> Document:
    region = call.address.names[0]
    return {
        "id": f"{call.address.scope}/providers/Microsoft.MachineLearningServices/locations/{region}/{kind}/{family}",
        "type": f"Microsoft.MachineLearningServices/{kind}",
        "amlWorkspaceLocation": region,
        "name": {
            "value": family,
            "localizedValue": f"{family.removeprefix('standard').strip()} Cluster Dedicated vCPUs",
        },
        "limit": limit(call.world, region, family),
        "unit": "Count",
    }


def list_usages(call: Call) -> Reply:
    """Cores in use and granted, by family."""
    used = usage(call.world, call.subscription, call.address.names[0].lower())
    return Reply(body={"value": [_entry(call, name, "usages") | {"currentValue": used[name]} for name in FAMILIES]})


def list_quotas(call: Call) -> Reply:
    """Cores granted, by family."""
    return Reply(body={"value": [_entry(call, name, "quotas") for name in FAMILIES]})


def list_vm_sizes(call: Call) -> Reply:
    """The instance types."""
    return Reply(
        body={
            "value": [
                {
                    "name": size.name,
                    "family": size.family,
                    "vCPUs": size.cores,
                    "gpus": size.gpus,
                    "osVhdSizeMB": 1_047_552,
                    "maxResourceVolumeMB": size.disk * 1024,
                    "memoryGB": size.memory,
                    "lowPriorityCapable": True,
                    "premiumIO": True,
                    "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
                }
                for size in SIZES.values()
            ]
        }
    )


ROUTES: Routes = {
    ("GET", "locations/{}/usages"): list_usages,
    ("GET", "locations/{}/quotas"): list_quotas,
    ("GET", "locations/{}/vmSizes"): list_vm_sizes,
}
