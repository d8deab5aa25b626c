//! Who this process is among a broker's nodes, and its logical clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// The machine's name, as far as it can be told.
pub fn hostname() -> String {
    let named =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let name = named.ok().or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// Of a process that only sends: `gen7@host`.
pub(crate) fn anonymous() -> String {
    format!("gen{}@{}", std::process::id(), hostname())
}

/// Lamport's clock: what was sent later has a greater time, whatever the machines' clocks say.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// The time of something that happens here.
    pub(crate) fn forward(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What was sent elsewhere at that time was received here.
    pub(crate) fn adjust(&self, other: u64) {
        self.0.fetch_max(other, Ordering::Relaxed);
        self.forward();
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
