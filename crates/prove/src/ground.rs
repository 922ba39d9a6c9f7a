//! What an attack stands on: the catalog, whose each relation is, controls, and what is known before it.

use crate::Error;
use crate::catalog::Catalog;
use crate::functions::outward::{self, Silenced};
use crate::ids::RelationId;
use crate::model::Model;
use crate::naming::Names;
use crate::plan::Plan;
use crate::script::Script;
use crate::session::Session;
use crate::{controls, logins};

/// What is there before anybody attacks.
pub(crate) struct Ground {
    pub(crate) catalog: Catalog,
    pub(crate) plan: Plan,
    pub(crate) silenced: Vec<Silenced>,
    /// Whose login is played.
    pub(crate) note: Option<String>,
    pub(crate) not_tested: Vec<String>,
}

impl Ground {
    /// Reads the catalog, plants the controls and makes the session one that attackers may be played in.
    pub(crate) async fn load(session: &Session<'_>, model: &Model) -> Result<Self, Error> {
        let mut not_tested = Vec::new();
        not_tested.extend(logins::become_roles(session, model).await);
        let mut catalog = Catalog::load(session, model).await?;
        let mut plan = Plan::new(&catalog, model);
        let note = logins::play_login(session, &catalog, model).await;
        let silenced = outward::silence(session, &catalog).await;
        if note.is_some() || !silenced.is_empty() {
            // A login was made, or functions are others than they were.
            catalog = Catalog::load(session, model).await?;
        }
        match controls::plant(session, model, &id_type(&catalog, &plan)).await {
            Ok(()) => {
                catalog.add_controls(session, model).await?;
                plan = Plan::new(&catalog, model);
            }
            Err(why) => not_tested.push(format!("no controls could be planted: {why}")),
        }
        if catalog.plans_may_remember() {
            session.share_no_plans();
        }
        not_tested.extend(logins::check_settings(session, model, &mut catalog).await);
        if session.admin.read_only {
            not_tested.push(
                "the session is read-only (a replica?): only what is there could be read, nothing written"
                    .to_owned(),
            );
        }
        // Reading the catalog of a large database may take a while; no attempt should.
        session.must("set local statement_timeout = '2s'").await?;
        if let (Some(membership), None) = (&model.tenant.membership, &plan.membership) {
            not_tested.push(format!(
                "the model's membership table {} isn't there, or lacks a column that it names",
                membership.table
            ));
        }
        not_tested.extend(model.undecided());
        not_tested.extend(check_conditions(session, &catalog, &mut plan).await);
        Ok(Self {
            catalog,
            plan,
            silenced,
            note,
            not_tested,
        })
    }
}

/// Conditions of the model's that can't be asked open nothing.
async fn check_conditions(session: &Session<'_>, catalog: &Catalog, plan: &mut Plan) -> Vec<String> {
    let (relations, scripts): (Vec<RelationId>, Vec<Script>) = plan
        .public_where
        .iter()
        .map(|(at, condition)| {
            let name = catalog.relations[*at].sql();
            let asked = format!("select ({condition}) is true from only {name} limit 0");
            (*at, Script::default().ask(asked))
        })
        .unzip();
    let mut refused = Vec::new();
    for (at, outcome) in relations.into_iter().zip(session.attempt(scripts).await) {
        if let Err(refusal) = outcome {
            plan.public_where.remove(&at);
            let name = catalog.relations[at].label();
            refused.push(format!(
                "the model's public_where of {name} can't be asked: {}",
                refusal.message
            ));
        }
    }
    refused
}

/// The type of a tenant's id.
fn id_type(catalog: &Catalog, plan: &Plan) -> String {
    let names = if plan.membership.is_some() {
        Names::Tenant
    } else {
        Names::User
    };
    plan.places(names)
        .find_map(|(at, column)| Some(catalog.relations[*at].column(column)?.base.clone()))
        .unwrap_or_else(|| "text".to_owned())
}
