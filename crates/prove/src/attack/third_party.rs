//! Tries what an app does that a user let in: its token has the user's claims, and `client_id` beside them. The rows are
//! the user's own, in relations that the model keeps from apps.

use super::blind::fence;
use super::insert::insertion;
use super::{Attack, Attempt, Stage, Target};
use crate::context::Context;
use crate::ids::{PersonaId, RelationId};
use crate::model::ThirdParty;
use crate::persona::THIRD_PARTY;
use crate::rules::{self, Rule};
use crate::seed::Belongs;
use crate::sql::ident;

/// Reads the user's rows, and makes one.
pub(super) struct App;

/// Changes and deletes them, blind.
pub(super) struct BlindApp;

impl Attack for App {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::THIRD_PARTY_READ, rules::THIRD_PARTY_WRITE]
    }

    fn stage(&self) -> Stage {
        Stage::Write
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        let read = context.read_by_app(target.relation);
        let made = context.row_made_by_app(target.relation);
        read.into_iter().chain(made).collect()
    }
}

impl Attack for BlindApp {
    fn rules(&self) -> &'static [&'static Rule] {
        &[rules::THIRD_PARTY_WRITE]
    }

    fn stage(&self) -> Stage {
        Stage::Blind
    }

    fn attempts(&self, context: &Context<'_>, target: Target<'_>) -> Vec<Attempt> {
        context.changes_by_app(target.relation)
    }
}

impl Context<'_> {
    /// The app, where the model keeps it out of a relation.
    fn app(&self, relation: RelationId) -> Option<(PersonaId, ThirdParty)> {
        let kept = self.plan.third_party(relation)?;
        let app = self.personas.position(|persona| persona.label == THIRD_PARTY)?;
        Some((app, kept))
    }

    fn read_by_app(&self, relation: RelationId) -> Option<Attempt> {
        let (app, _) = self.app(relation).filter(|(_, kept)| *kept == ThirdParty::None)?;
        let own = self.own(relation);
        self.read_of(
            relation,
            app,
            rules::THIRD_PARTY_READ,
            &own,
            "reads its user's rows of {}",
        )
    }

    fn row_made_by_app(&self, relation: RelationId) -> Option<Attempt> {
        let (app, _) = self.app(relation)?;
        let table = &self.catalog.relations[relation];
        let role = &self.personas[app].role;
        let rights = table.rights(role);
        let spare = self.spare(relation, Belongs::Own).filter(|_| rights.inserts())?;
        let (sql, prelude) = insertion(table, role, &rights, &spare.columns, "");
        Some(Attempt {
            judge: Some(self.made(relation, "true")),
            prelude,
            ..Attempt::new(
                rules::THIRD_PARTY_WRITE,
                app,
                "makes a row of {} for its user",
                sql,
            )
        })
    }

    fn changes_by_app(&self, relation: RelationId) -> Vec<Attempt> {
        let Some((app, _)) = self.app(relation) else {
            return Vec::new();
        };
        let table = &self.catalog.relations[relation];
        let rights = table.rights(&self.personas[app].role);
        let own = self.own(relation);
        let change = |message, sql| Attempt {
            judge: Some(self.written(&own)),
            passed_if_constrained: true,
            fence: fence(table, &own),
            ..Attempt::new(rules::THIRD_PARTY_WRITE, app, message, sql)
        };
        let columns = self.changeable(relation, |name| rights.updates_column(name));
        let set = columns
            .into_iter()
            .find_map(|column| Some((column, self.payload(relation, column)?)));
        let update = set.map(|(column, value)| {
            let sql = format!("update {} set {} = {value}", table.sql(), ident(&column.name));
            change("changes its user's rows of {}", sql)
        });
        let delete = rights.deletes().then(|| {
            change(
                "deletes its user's rows of {}",
                format!("delete from {}", table.sql()),
            )
        });
        update.into_iter().chain(delete).collect()
    }
}
