//! The page for Prometheus and the health page.
//!
//! Guarantees: off unless `metrics.listen` is set; the configuration has made
//! sure that the address is a loopback one, or that the operator wants another.

use super::admission::Admission;
use crate::data_dir::DataDir;
use crate::failure::{Code, Failure, Outcome};
use crate::lock;
use coffer_service::Service;
use coffer_store::Store;
use metrics::{describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two readings of what is not counted as it happens.
const READING: Duration = Duration::from_secs(5);

/// Bounds of every histogram, in seconds.
const SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Starts the page, if one is wanted.
pub fn start(listen: Option<&str>) -> Outcome {
    let Some(listen) = listen else { return Ok(()) };
    let unusable = |reason: String| {
        Failure::new(Code::AddressUnusable, format!("metrics: cannot listen on {listen}: {reason}"))
            .hint("Choose another address or port with metrics.listen.")
    };
    let address: SocketAddr = listen.parse().map_err(|_| unusable("no address".to_owned()))?;
    // The exporter reports a taken port only in its log; ask beforehand.
    std::net::TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Failure::new(Code::AddressInUse, format!("metrics: the address {listen} is in use"))
                .hint("Stop the other program, or choose another port with metrics.listen.")
        }
        _ => unusable(error.to_string()),
    })?;
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(|builder| builder.with_http_listener(address).install())
        .map_err(|error| unusable(error.to_string()))?;
    describe();
    tracing::info!(%address, "metrics and health page");
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "a table: one line for each metric")]
fn describe() {
    describe_gauge!("coffer_connections", "Open connections");
    describe_gauge!("coffer_sessions", "Signed-in sessions");
    describe_gauge!("coffer_database_up", "1 while the database answers");
    describe_gauge!("coffer_position", "Number of the newest journal entry");
    describe_gauge!("coffer_free_bytes", "Free bytes on the file system of the data directory");
    describe_gauge!("coffer_total_bytes", "Size of the file system of the data directory");
    describe_gauge!("coffer_logical_bytes", "Bytes as users see them, at the last sample");
    describe_gauge!("coffer_stored_bytes", "Bytes that they take, at the last sample");
    describe_gauge!("coffer_store_poisoned", "1 after a failed flush: the server stops");
    describe_gauge!("coffer_anchor_age_seconds", "Time since the anchor was written");
    describe_gauge!("coffer_replicas", "Replicas that have joined");
    describe_gauge!("coffer_replica_connected", "1 while the replica is connected");
    describe_gauge!("coffer_replica_lag_entries", "Journal entries that are not durable there");
    describe_gauge!("coffer_replica_lag_seconds", "Time since the replica had everything");
    describe_gauge!(
        "coffer_replica_lag_journal_bytes",
        "Bytes of journal and of chunks in it that are not durable there"
    );
    describe_gauge!(
        "coffer_replica_lag_chunk_bytes",
        "Bytes of chunk files that are not durable there"
    );
    describe_gauge!(
        "coffer_replica_oldest_missing_seconds",
        "Age of the oldest write that the replica does not have"
    );
    describe_gauge!(
        "coffer_oldest_unmirrored_seconds",
        "Age of the oldest write that no other machine has"
    );
    describe_gauge!("coffer_replica_too_far_behind", "1 if the replica is to be resynchronised");
    describe_gauge!("coffer_mirror_mode", "1 for the mode that is set");
    describe_counter!(
        "coffer_mirror_degraded_seconds_total",
        "Time for which writes did not wait for a replica"
    );
    describe_gauge!("coffer_alarms", "Alarms of this kind that stand");
    describe_counter!("coffer_flush_errors_total", "Flushes that failed: the process stops");
    describe_gauge!("coffer_mirror_degraded", "1 while writes do not wait for a replica");
    describe_gauge!("coffer_epoch", "Epoch of the history here; each promotion begins one");
    describe_gauge!("coffer_fenced", "1 while this machine was the primary and may not write");
    describe_counter!("coffer_mirror_degraded_total", "Times that it came to that");
    describe_gauge!("coffer_scrub_age_seconds", "Time since everything stored was last read");
    describe_gauge!("coffer_scrub_progress", "How much of the present round is done, 0 to 1");
    describe_counter!("coffer_scrub_rows_total", "Rows that the scrub has compared");
    describe_counter!("coffer_scrub_bytes_total", "Bytes that the scrub has compared");
    describe_counter!("coffer_scrub_unreadable_total", "Chunks that the disk did not give");
    describe_gauge!("coffer_unhealed", "Things that are damaged or missing at the moment");
    describe_gauge!("coffer_missing_chunks", "Chunks among them");
    describe_counter!("coffer_damage_found_total", "Things found damaged or missing");
    describe_counter!("coffer_heals_total", "Attempts to heal, by who helped and what came of it");
    describe_gauge!("coffer_heal_breaker", "1 while so much is damaged that nothing is healed");
    describe_counter!("coffer_heal_breaker_total", "Times that it came to that");
    describe_gauge!("coffer_collection_held", "1 while no garbage is collected, by reason");
    describe_counter!("coffer_connections_total", "Connections let in");
    describe_counter!("coffer_connections_refused_total", "Connections refused by a limit");
    describe_counter!(
        "coffer_connections_displaced_total",
        "Connections that had not signed in and made room for others"
    );
    describe_gauge!("coffer_load_bits", "Difficulty that the load adds to proof of work");
    describe_counter!("coffer_work_asked_total", "Challenges for proof of work, by purpose");
    describe_counter!("coffer_work_proved_total", "Challenges that were solved");
    describe_counter!("coffer_work_refused_total", "Work that was of no use, by reason");
    describe_counter!("coffer_failed_attempts_total", "Sign-ins and sign-ups that were refused");
    describe_counter!("coffer_proofs_asked_total", "Chunks that were to be proved");
    describe_counter!("coffer_proofs_total", "Proofs of content, by what came of them");
    describe_counter!("coffer_known_devices_total", "Connections of devices that are known");
    describe_counter!("coffer_accept_errors_total", "Failures to accept a connection");
    describe_counter!("coffer_janitor_rounds_total", "Rounds of expiry and garbage collection");
    describe_counter!("coffer_janitor_failures_total", "Failed steps of those rounds");
}

/// Takes readings for ever.
pub(crate) async fn read_for_ever(
    data: DataDir,
    store: Store,
    service: Service,
    admission: Admission,
) {
    let mut ticks = tokio::time::interval(READING);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        gauge!("coffer_connections").set(f64::from(admission.total()));
        gauge!("coffer_sessions").set(service.sessions() as f64);
        gauge!("coffer_load_bits").set(f64::from(service.load_bits()));
        let position = store.position().await;
        gauge!("coffer_database_up").set(f64::from(u8::from(position.is_ok())));
        if let Ok(position) = position {
            gauge!("coffer_position").set(position.seq as f64);
        }
        read_store(&data, &store);
    }
}

/// What every machine has.
fn read_store(data: &DataDir, store: &Store) {
    gauge!("coffer_store_poisoned").set(f64::from(u8::from(store.is_poisoned())));
    if let Some(space) = lock::space(data) {
        gauge!("coffer_free_bytes").set(space.free as f64);
        gauge!("coffer_total_bytes").set(space.total as f64);
    }
}

/// Takes the readings of a machine that serves nobody, for ever.
pub async fn measure_store(data: &DataDir, store: &Store) {
    let mut ticks = tokio::time::interval(READING);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        read_store(data, store);
    }
}
