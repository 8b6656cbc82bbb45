//! The names of all options: those that are read here, and those of mosquitto 2.1's that are not
//! supported yet. [mosquitto.conf manual; mosquitto's `src/conf.c`]

/// Options that stand anywhere.
pub(super) const GENERAL: &[&str] = &[
    "allow_anonymous",
    "allow_duplicate_messages",
    "allow_zero_length_clientid",
    "auto_id_prefix",
    "autosave_interval",
    "autosave_on_changes",
    "connection_messages",
    "global_max_clients",
    "global_max_connections",
    "log_dest",
    "log_timestamp",
    "log_type",
    "max_inflight_bytes",
    "max_inflight_messages",
    "max_keepalive",
    "max_packet_size",
    "max_queued_bytes",
    "max_queued_messages",
    "max_subscriptions_per_client",
    "memory_limit",
    "message_size_limit",
    "persistence",
    "persistence_file",
    "persistence_location",
    "persistent_client_expiration",
    "pid_file",
    "queue_qos0_messages",
    "retain_available",
    "retained_persistence",
    "retry_interval",
    "set_tcp_nodelay",
    "sys_interval",
    "upgrade_outgoing_qos",
    "user",
];

/// Options that begin a listener or belong to the last one.
pub(super) const LISTENER: &[&str] = &[
    "bind_address",
    "listener",
    "max_connections",
    "max_qos",
    "max_topic_alias",
    "max_topic_alias_broker",
    "maximum_qos",
    "port",
    "protocol",
];

/// Options that belong to the last `connection`.
pub(super) const BRIDGE: &[&str] = &[
    "address",
    "addresses",
    "bridge_attempt_unsubscribe",
    "bridge_outgoing_retain",
    "bridge_protocol_version",
    "cleansession",
    "clientid",
    "keepalive_interval",
    "local_cleansession",
    "local_clientid",
    "notification_topic",
    "notifications",
    "notifications_local_only",
    "password",
    "remote_clientid",
    "remote_password",
    "remote_username",
    "restart_timeout",
    "round_robin",
    "start_type",
    "topic",
    "try_private",
    "username",
];

/// The rest of mosquitto 2.1's options; `auth_opt_…` and `plugin_opt_…` beside them.
const UNSUPPORTED: &[&str] = &[
    "accept_protocol_versions",
    "acl_file",
    "auth_plugin",
    "auth_plugin_deny_special_chars",
    "bind_interface",
    "bridge_alpn",
    "bridge_bind_address",
    "bridge_cafile",
    "bridge_capath",
    "bridge_certfile",
    "bridge_ciphers",
    "bridge_ciphers_tls1.3",
    "bridge_identity",
    "bridge_insecure",
    "bridge_keyfile",
    "bridge_max_packet_size",
    "bridge_max_topic_alias",
    "bridge_psk",
    "bridge_receive_maximum",
    "bridge_reload_type",
    "bridge_require_ocsp",
    "bridge_session_expiry_interval",
    "bridge_tcp_keepalive",
    "bridge_tcp_user_timeout",
    "bridge_tls_use_os_certs",
    "bridge_tls_version",
    "cafile",
    "capath",
    "certfile",
    "check_retain_source",
    "ciphers",
    "ciphers_tls1.3",
    "clientid_prefixes",
    "crlfile",
    "dhparamfile",
    "disable_client_cert_date_checks",
    "enable_control_api",
    "enable_proxy_protocol",
    "global_plugin",
    "http_dir",
    "idle_timeout",
    "include_dir",
    "keyfile",
    "listener_allow_anonymous",
    "listener_auto_id_prefix",
    "local_password",
    "local_username",
    "log_facility",
    "log_timestamp_format",
    "mount_point",
    "packet_buffer_size",
    "packet_max_auth",
    "packet_max_connect",
    "packet_max_simple",
    "packet_max_sub",
    "password_file",
    "per_listener_settings",
    "plugin",
    "plugin_load",
    "plugin_use",
    "proxy_protocol_v2_require_tls",
    "psk_file",
    "psk_hint",
    "require_certificate",
    "retain_expiry_interval",
    "socket_domain",
    "threshold",
    "tls_engine",
    "tls_engine_kpass_sha1",
    "tls_keyform",
    "tls_version",
    "use_identity_as_username",
    "use_subject_as_username",
    "use_username_as_clientid",
    "websockets_headers_size",
    "websockets_log_level",
    "websockets_origin",
];

/// Whether mosquitto has an option that is not read here.
pub(super) fn is_unsupported(option: &str) -> bool {
    UNSUPPORTED.contains(&option)
        || ["auth_opt_", "plugin_opt_"].iter().any(|start| option.starts_with(start))
}

/// Whether an option of mosquitto's that is not read here says who gets in, with which password.
pub(super) fn lets_in(option: &str) -> bool {
    let more = ["auth_plugin", "global_plugin", "password_file", "plugin", "psk_file"];
    more.contains(&option) && is_unsupported(option)
}

/// All names that are read here.
pub(super) fn supported() -> impl Iterator<Item = &'static str> {
    ["connection"].iter().chain(GENERAL).chain(LISTENER).chain(BRIDGE).copied()
}

/// All names there are.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    supported().chain(UNSUPPORTED.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_stands_in_one_list() {
        let names: Vec<_> = all().collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
        assert!(supported().all(|name| !is_unsupported(name)));
        assert!(is_unsupported("cafile") && is_unsupported("plugin_opt_x"));
    }
}
