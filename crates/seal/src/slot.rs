//! Where a secret belongs.

/// The one place a sealed value opens in: a cell of a table, by names that never change.
///
/// `row` identifies the row among the user's (`service_name` in `api_keys`). The parts are ids and names, not
/// secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The id of the user the row belongs to.
    pub user: &'a str,
    /// What identifies the row for this user.
    pub row: &'a str,
}

impl Slot<'_> {
    /// `prefix`, then each part after its length in bytes (64 bits, big-endian): no two slots are written alike,
    /// however their parts are cut.
    pub(crate) fn written_after(&self, prefix: &[u8]) -> Vec<u8> {
        let parts = [self.table, self.column, self.user, self.row];
        let length = parts.iter().map(|part| 8 + part.len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(prefix.len() + length);
        bytes.extend_from_slice(prefix);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cut_elsewhere_are_another_slot() {
        let slot = |table, column, user, row| {
            Slot {
                table,
                column,
                user,
                row,
            }
            .written_after(b"")
        };
        assert_ne!(slot("ab", "c", "", ""), slot("a", "bc", "", ""));
        assert_ne!(slot("", "a", "b", "c"), slot("a", "", "b", "c"));
        assert_eq!(
            slot("t", "", "u1", "r"),
            b"\0\0\0\0\0\0\0\x01t\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02u1\0\0\0\0\0\0\0\x01r"
        );
    }
}
