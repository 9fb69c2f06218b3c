"""What is set up before the rows of refusals.py are asked for."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

V = "2022-04-01"


class Stage:
    """An endpoint `rows` with a deployment `blue`, and ways to ask for what is refused."""

    def __init__(self, emulator: Any, arm: Any, bodies: Any, arm_as: Callable[[str], Any]) -> None:
        self.emulator, self.arm, self.bodies, self.arm_as = emulator, arm, bodies, arm_as
        self.lab, self.endpoint, self.assets = arm.lab, arm.endpoint("rows"), arm.assets()
        self.blue = f"{self.endpoint}/deployments/blue"
        arm.done("PUT", self.blue, bodies["deployment"](self.assets))

    @property
    def login_server(self) -> str:
        id = self.arm("GET", self.lab).json()["properties"]["containerRegistry"]
        return str(self.arm("GET", id, version="2023-07-01").json()["properties"]["loginServer"])

    def put_endpoint(self, name: str = "rows", workspace: str = "", **changes: Any) -> Any:
        return self.arm("PUT", f"{workspace or self.lab}/onlineEndpoints/{name}", self.bodies["endpoint"](**changes))

    def traffic(self, **shares: Any) -> Any:
        return self.put_endpoint(properties=shares)

    def deploy(self, capacity: int = 1, arm: Any = None, id: str = "", **changes: Any) -> Any:
        body = self.bodies["deployment"](self.assets, capacity, **changes)
        return (arm or self.arm)("PUT", id or f"{self.endpoint}/deployments/red", body)

    def deploy_to_its_end(self, **changes: Any) -> Any:
        error = self.arm.finish(self.deploy(**changes))["error"]
        self.arm.done("DELETE", f"{self.endpoint}/deployments/red")
        return error

    def deploy_image(self, image: str) -> Any:
        id = f"{self.lab}/environments/rows-{uuid.uuid4().hex[:6]}/versions/1"
        settings = self.arm("GET", self.assets["environment"]).json()["properties"]["inferenceConfig"]
        self.arm.done("PUT", id, {"properties": {"image": image, "inferenceConfig": settings}})
        return self.deploy_to_its_end(environmentId=id)

    def deploy_with(self, reference: str) -> Any:
        return self.deploy_to_its_end(environmentVariables={"TOKEN": f"${{{{{reference}}}}}"})

    def script(self, name: str, **changes: Any) -> Any:
        code = {"codeId": self.assets["code"], "scoringScript": name}
        return self.deploy_to_its_end(codeConfiguration=code, **changes)

    def quota(self, size: str, instances: int) -> Any:
        id = f"{self.arm.annex}/onlineEndpoints/rows-quota"
        if self.arm("GET", id).status_code == 404:
            self.arm.done("PUT", id, self.bodies["endpoint"](location="westus"))
        return self.deploy(instances, id=f"{id}/deployments/blue", instanceType=size)

    def assign(self, principal: str, role: str, scope: str) -> str:
        id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        definition = f"/subscriptions/{self.arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        sent = {"principalId": principal, "roleDefinitionId": definition, "principalType": "ServicePrincipal"}
        self.arm.done("PUT", id, {"properties": sent}, version=V)
        return id

    def somebody(self, role: str = "") -> Any:
        """The control plane as an identity that holds this role in the resource group, or none."""
        id = f"{self.arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/rows-{uuid.uuid4().hex[:6]}"
        known = self.arm.done("PUT", id, {"location": "eastus"}, version="2023-01-31").json()["properties"]
        if role:
            self.assign(known["principalId"], role, self.arm.group)
        return self.arm_as(self.token(client_id=known["clientId"]))

    def put_scaler(self, profiles: Any = None, rules: Any = (), setting: str = "rows", **counts: Any) -> Any:
        capacity = {"minimum": "1", "maximum": "4", "default": "1", **counts}
        given = [{"name": "p", "capacity": capacity, "rules": list(rules)}] if profiles is None else profiles
        properties = {"profiles": given, "enabled": True, "targetResourceUri": self.blue}
        id = f"{self.arm.group}/providers/Microsoft.Insights/autoscaleSettings/{setting}"
        return self.arm("PUT", id, {"location": "eastus", "properties": properties}, version="2022-10-01")

    def put_second_scaler(self) -> Any:
        self.put_scaler()
        answer = self.put_scaler(setting="second")
        id = f"{self.arm.group}/providers/Microsoft.Insights/autoscaleSettings/rows"
        self.arm.done("DELETE", id, version="2022-10-01")
        return answer

    def scale_rule(self, **changes: Any) -> dict[str, Any]:
        ways = {"statistic": "Average", "timeAggregation": "Average", "operator": "GreaterThan", "threshold": 60}
        spans = {"timeGrain": "PT1M", "timeWindow": "PT5M"}
        trigger = {"metricName": "RequestsPerMinute", "metricResourceUri": self.endpoint, **ways, **spans}
        action = {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT5M"}
        changed = {name: changes.pop(name) for name in ("cooldown", "value") if name in changes}
        return {"metricTrigger": trigger | changes, "scaleAction": action | changed}

    def recurring(self, zone: str, frequency: str = "Week") -> dict[str, Any]:
        schedule = {"timeZone": zone, "days": ["Monday"], "hours": [8], "minutes": [0]}
        capacity = {"minimum": "1", "maximum": "1", "default": "1"}
        recurrence = {"frequency": frequency, "schedule": schedule}
        return {"name": "p", "capacity": capacity, "rules": [], "recurrence": recurrence}

    def metrics(self, **query: str) -> Any:
        return self.arm("GET", f"{self.endpoint}/providers/Microsoft.Insights/metrics", version="2018-01-01", **query)

    def token(self, resource: str = "https://management.azure.com", **query: str) -> str:
        parameters = {"api-version": "2019-08-01", "resource": resource, **query}
        headers = {"X-IDENTITY-HEADER": "x"}
        url = self.emulator.identity_endpoint
        return str(httpx.get(url, params=parameters, headers=headers, trust_env=False).json()["access_token"])

    def settings(self, **changes: float) -> None:
        httpx.put(f"{self.emulator.portal}/settings", json=changes, trust_env=False).raise_for_status()
