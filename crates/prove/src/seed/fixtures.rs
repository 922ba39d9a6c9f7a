//! The rows that are there to be attacked, and those that attackers are given to insert.

use std::collections::{BTreeMap, HashMap};

use crate::conditions::Content;
use crate::ids::RelationId;
use crate::people::Who;
use crate::plan::Class;

/// Whose a made-up row is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Belongs {
    /// The attacker's.
    Own,
    /// Another tenant's.
    Other,
    /// Nobody's: the tenant column is null or empty.
    Nobody,
    /// Everybody's, or of no concern.
    Shared,
}

/// A row that is there.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) relation: RelationId,
    pub(crate) belongs: Belongs,
    /// The marker of its maker.
    pub(crate) marker: String,
    /// What the columns hold, as text.
    pub(crate) values: BTreeMap<String, Option<String>>,
    /// Finds exactly this row.
    pub(crate) predicate: String,
    /// The table that holds it, and where: a version of a row has a place of its own, so any write moves it.
    pub(crate) home: RelationId,
    pub(crate) ctid: String,
    /// It was there before, and is a real tenant's.
    pub(crate) existing: bool,
    /// The model lets everybody read it.
    pub(crate) public: bool,
}

/// A row that could be there: columns and SQL expressions.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) relation: RelationId,
    pub(crate) belongs: Belongs,
    pub(crate) marker: String,
    pub(crate) columns: BTreeMap<String, String>,
    /// Those of the columns by which policies single it out.
    pub(crate) content: Content,
}

/// A row that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct RowSpec {
    pub(super) relation: RelationId,
    pub(super) belongs: Belongs,
    pub(super) who: Who,
    pub(super) variant: usize,
    /// Instead of the tenant's id.
    pub(super) tenant: Option<&'static str>,
    /// Whom columns name that name a user but not the tenant.
    pub(super) named: Option<Who>,
    /// Whom columns name that name a reader.
    pub(super) reader: Option<Who>,
    /// What columns hold, so that policies single the row out by its content.
    pub(super) content: Content,
    /// Which of a parent's rows it refers to, counted from the last.
    pub(super) parent: Option<usize>,
    /// Everybody may read it.
    pub(super) public: bool,
}

impl RowSpec {
    /// The plainest row of somebody's.
    pub(super) fn new(relation: RelationId, belongs: Belongs, who: &Who) -> Self {
        Self {
            relation,
            belongs,
            who: who.clone(),
            variant: 0,
            tenant: None,
            named: None,
            reader: None,
            content: Content::new(),
            parent: None,
            public: false,
        }
    }
}

/// A statement that made or changed a row.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) relation: RelationId,
    /// It came with the other tenant.
    pub(crate) is_others: bool,
    pub(crate) statement: String,
    /// The marker of whose it is; empty for what isn't a row.
    pub(crate) marker: String,
    /// What its key holds.
    pub(crate) key: Vec<String>,
}

/// Everything that was made.
#[derive(Debug, Default)]
pub(crate) struct Fixtures {
    pub(crate) rows: Vec<Row>,
    /// How it was made, in that order.
    pub(crate) made: Vec<Made>,
    /// Why a relation has no row of the other tenant's.
    pub(crate) failures: HashMap<RelationId, String>,
    /// Rows that an attacker may try to insert, for another, for nobody and for itself; valid, as tried by the owner.
    pub(crate) spares: HashMap<(RelationId, Belongs), Draft>,
    /// The same for another tenant and for itself, with content that policies single out.
    pub(crate) singled_out: HashMap<(RelationId, Belongs), Vec<Draft>>,
    /// Why no row could be made to insert.
    pub(crate) spareless: HashMap<RelationId, String>,
    /// Why attacks would be judged wrongly.
    pub(crate) unsettled: Option<String>,
    /// The other tenant's rows are being made.
    pub(super) others: bool,
    /// No more rows come.
    pub(super) complete: bool,
    pub(super) number: u64,
    /// Keys that rows of a circle of references have been promised: relation, column, and whose row.
    pub(super) promised: HashMap<(RelationId, String, String), String>,
}

impl Fixtures {
    pub(super) fn remember(&mut self, relation: RelationId, statement: String) {
        self.remember_row(relation, statement, String::new(), Vec::new());
    }

    pub(super) fn remember_row(
        &mut self,
        relation: RelationId,
        statement: String,
        marker: String,
        key: Vec<String>,
    ) {
        self.made.push(Made {
            relation,
            is_others: self.others,
            statement,
            marker,
            key,
        });
    }

    pub(crate) fn of(&self, relation: RelationId, belongs: Belongs) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| row.relation == relation && row.belongs == belongs)
    }

    /// Rows that an attacker must not reach.
    pub(crate) fn foreign(&self, relation: RelationId, class: &Class) -> Vec<&Row> {
        let closed = *class == Class::Internal;
        self.rows
            .iter()
            .filter(|row| row.relation == relation)
            .filter(|row| matches!(row.belongs, Belongs::Other | Belongs::Nobody) || closed)
            .collect()
    }
}
