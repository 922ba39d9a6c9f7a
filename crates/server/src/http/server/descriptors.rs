//! Keeps descriptors for everything but clients: a service without any can't reach its database either.

/// How many clients there can be, if `reserved` descriptors are kept for the database and for
/// receivers of events; at most `wanted`.
pub(crate) fn connections(wanted: usize, reserved: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(descriptors) = open_files(&limits) else {
        return wanted; // No limit, or no Linux.
    };
    let left = descriptors.saturating_sub(reserved + OWN).max(1);
    if left < wanted {
        tracing::info!(
            connections = left,
            descriptors,
            "MAX_CONNECTIONS is more than this process may open: its limit of open files (LimitNOFILE) decides"
        );
    }
    left.min(wanted)
}

/// Sockets, files, pipes, calls to providers.
const OWN: usize = 128;

/// The soft limit in the text of proc(5).
fn open_files(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::open_files;

    #[test]
    fn the_soft_limit_is_read_as_linux_prints_it() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             95987                95987                processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files(&limits.replace("1024   ", "unlimited")), None);
    }
}
