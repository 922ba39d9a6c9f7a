//! For which row a value is made, and what makes it this row's own.

/// For which row a value is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed<'a> {
    /// Where text can hold it, so that the row can be found by it.
    pub(crate) marker: &'a str,
    /// Different for each row of a run.
    pub(crate) number: u64,
    pub(crate) nonce: u64,
    /// Which of a tenant's rows: 0 is the plainest, others try out what policies may distinguish.
    pub(crate) variant: usize,
    /// The column must differ from every other row's.
    pub(crate) unique: bool,
}

impl Seed<'_> {
    /// A text that is this row's own.
    pub(super) fn marked(self) -> String {
        format!("{}x{}", self.marker, self.number)
    }
}
