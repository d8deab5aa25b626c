//! How many connections the process has file descriptors for.

/// Kept for the database's connections and files, log, signals, and what else a process opens.
const RESERVE: u64 = 64;

/// Fewer are of no use to anybody: a browser opens up to six.
const FEWEST: u64 = 8;

/// More than one process can serve in time.
const MOST: u64 = 4096;

/// How many connections at a time are answered.
pub(crate) fn most_connections() -> usize {
    within(descriptors()) as usize
}

fn within(descriptors: u64) -> u64 {
    descriptors.saturating_sub(RESERVE).clamp(FEWEST, MOST)
}

/// How many files the process may have open; where the system does not tell as Linux does, what is usual elsewhere.
fn descriptors() -> u64 {
    std::fs::read_to_string("/proc/self/limits").ok().and_then(|limits| soft_limit(&limits)).unwrap_or(USUAL)
}

/// What other systems allow where nobody has said anything.
const USUAL: u64 = 256;

fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_keeps_its_share() {
        for (descriptors, connections) in [(1024, 960), (80, 16), (20, 8), (u64::MAX, 4096)] {
            assert_eq!(within(descriptors), connections);
        }
    }

    #[test]
    fn the_limit_is_read() {
        let limits = "Max processes             127235               127235               processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(
            soft_limit("Max open files            unlimited            unlimited            files"),
            Some(u64::MAX)
        );
        assert_eq!(soft_limit(""), None);
    }
}
