//! What a collector that asks by socket says where the agent is outside the host's network namespace
//! (`Host::is_in_host_network`).

pub const REASON: &str =
    "other network namespace: a socket of the agent would tell of the agent's own network, not of the host's";
