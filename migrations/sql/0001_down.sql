-- Every table of ours, partitions included, and all that they hold.

DROP TABLE
    audit_head, audit_logs, tokens, endpoints, certificates, domain_state, node_samples, node_gaps,
    event_counters, events, container_snapshots, node_state, collectors, schedule, domains, vps_nodes;
DROP FUNCTION vsa_create_partitions, vsa_drop_partitions, vsa_refuse_change;
