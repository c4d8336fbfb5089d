"""Tenants: what the deployments of a namespace may use, by the TenantPolicies that select it. Pure.

Several policies of one namespace all hold, as ResourceQuotas and admission policies do: a pool, source, model, Secret or claim
must be allowed by each that says anything of it, the lowest priority and every quota count. A field that is left out decides
nothing; where none of the policies says anything, the operator's default counts. So a policy more never allows more than the
others, and a cluster's base rules and a unit's own stand side by side.
"""
