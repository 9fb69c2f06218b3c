"""The providers, api-versions and resource types that Resource Manager knows."""

_ML = """
2018-11-19 2019-05-01 2019-06-01 2019-11-01 2020-01-01 2020-02-18-preview 2020-03-01 2020-04-01 2020-05-01-preview
2020-05-15-preview 2020-06-01 2020-08-01 2020-09-01-preview 2021-01-01 2021-03-01-preview 2021-04-01 2021-07-01
2021-10-01 2021-10-01-dataplanepreview 2022-01-01-preview 2022-02-01-preview 2022-05-01 2022-06-01-preview
2022-10-01 2022-10-01-preview 2022-12-01-preview 2023-02-01-preview 2023-04-01 2023-04-01-preview 2023-06-01-preview
2023-08-01-preview 2023-10-01 2024-01-01-preview 2024-04-01 2024-04-01-preview 2024-07-01-preview 2024-10-01
2024-10-01-preview 2025-01-01-preview 2025-04-01 2025-04-01-preview 2025-06-01 2025-07-01-preview 2025-09-01
2025-10-01-preview 2025-12-01 2026-03-01
"""
_AUTHORIZATION = """
2015-07-01 2016-07-01 2017-05-01 2017-10-01-preview 2018-01-01-preview 2018-07-01 2018-09-01-preview
2019-04-01-preview 2020-03-01-preview 2020-04-01-preview 2020-08-01-preview 2020-10-01 2021-04-01-preview
2022-01-01-preview 2022-04-01 2022-05-01-preview
"""
_MANAGED_IDENTITY = """
2015-08-31-preview 2018-11-30 2021-09-30-preview 2022-01-31-preview 2023-01-31 2023-07-31-preview 2024-11-30
2025-01-31-preview
"""
_KEY_VAULT = """
2016-10-01 2018-02-14 2019-09-01 2021-04-01-preview 2021-06-01-preview 2021-10-01 2021-11-01-preview 2022-02-01-preview
2022-07-01 2022-11-01 2023-02-01 2023-07-01 2024-11-01
"""
# Registries and, in 2019-04-01 and the previews, the builds in them.
_CONTAINER_REGISTRY = """
2019-04-01 2019-05-01 2019-06-01-preview 2023-07-01 2025-03-01-preview 2025-04-01 2025-11-01
"""
# Of autoscale settings, and of metrics from 2018-01-01 on.
_INSIGHTS = "2014-04-01 2015-04-01 2018-01-01 2021-05-01-preview 2022-10-01 2023-10-01 2024-02-01"
# Subscriptions and resource groups.
_RESOURCES = """
2014-04-01 2015-01-01 2015-11-01 2016-02-01 2016-06-01 2016-07-01 2016-09-01 2017-05-01 2017-05-10 2018-01-01
2018-02-01 2018-05-01 2019-03-01 2019-05-01 2019-05-10 2019-06-01 2019-07-01 2019-08-01 2019-10-01 2019-11-01
2020-01-01 2020-05-01 2020-06-01 2020-08-01 2020-10-01 2021-01-01 2021-04-01 2022-01-01 2022-09-01 2022-12-01
2023-07-01 2024-03-01 2024-07-01 2024-11-01 2025-03-01 2025-04-01
"""
VERSIONS = {
    "microsoft.machinelearningservices": frozenset(_ML.split()),
    "microsoft.authorization": frozenset(_AUTHORIZATION.split()),
    "microsoft.containerregistry": frozenset(_CONTAINER_REGISTRY.split()),
    "microsoft.insights": frozenset(_INSIGHTS.split()),
    "microsoft.keyvault": frozenset(_KEY_VAULT.split()),
    "microsoft.managedidentity": frozenset(_MANAGED_IDENTITY.split()),
    "": frozenset(_RESOURCES.split()),
}
# Types that Azure has: where the emulator lacks one, it answers 501 and not Azure's 404 for an unknown type.
_TYPES = """
workspaces batchendpoints capabilityhosts codes components computes connections data datacontainers datareferences
datasets datastores deployments endpoints environments eventgridfilters evaluators experiments featuresets
featurestoreentities inferencepools groups jobs jobtemplates labelingjobs linkedservices linkedworkspaces
managednetworksettings marketplacesubscriptions models notebookaccesstoken onlineendpoints
outboundnetworkdependenciesendpoints outboundrules privateendpointconnections privatelinkresources raiblocklists
raipolicies rai registries schedules serverlessendpoints services tempdatarefs topology versions virtualclusters
virtualmachinesizes usages quotas vmsizes locations mfeoperationsstatus mfeoperationresults
workspaceoperationsstatus workspaceoperationsresults computeoperationsstatus registryoperationsstatus skus listkeys
resynckeys diagnose purge listsecrets listconnectionmodels provisionmanagednetwork indexes updatequotas
validateworkspaceresources capacityreservationgroups deploymenttemplates labels
"""
ML_TYPES = frozenset(_TYPES.split())
