//! As which roles, and by which logins, is it attacked? The administrator becomes them, as far as the database lets it.

use crate::catalog::Catalog;
use crate::model::Model;
use crate::persona::Persona;
use crate::script::Script;
use crate::session::Session;
use crate::sql::ident;

/// PostgREST's login.
const LOGIN: &str = "authenticator";

/// The roles to attack as; an administrator who isn't a superuser becomes their member for the transaction.
pub(crate) async fn become_roles(session: &Session<'_>, model: &Model) -> Vec<String> {
    let mut refused = Vec::new();
    for role in &model.roles {
        let role_sql = ident(role);
        let there = format!(
            "select to_regrole({}) is not null",
            crate::sql::literal(&role_sql)
        );
        if let Some(Ok(rows)) = session.attempt(vec![Script::default().ask(there)]).await.pop()
            && !crate::attack::says_yes(&rows)
            && *role != crate::persona::signed_in_role(model)
        {
            // Nobody can be what isn't there.
            continue;
        }
        let test = || vec![Script::default().act(format!("set local role {role_sql}"))];
        if session.attempt(test()).await.iter().all(Result::is_ok) {
            continue;
        }
        session
            .keep(vec![
                Script::default().act(format!("grant {role_sql} to current_user")),
            ])
            .await;
        if let Some(Err(refusal)) = session.attempt(test()).await.pop() {
            refused.push(format!(
                "role {role} can't be attacked as: {} [{}]",
                refusal.message, refusal.code
            ));
        }
    }
    refused
}

/// Where something asks for the login and PostgREST's isn't there, it is made for the transaction: clients come by it.
pub(crate) async fn play_login(session: &Session<'_>, catalog: &Catalog, model: &Model) -> Option<String> {
    let asked = catalog
        .mentions()
        .iter()
        .any(|text| text.to_lowercase().contains("session_user"));
    if !asked || !session.admin.superuser || catalog.login.as_deref() == Some(LOGIN) {
        return None;
    }
    let there = catalog.roles.iter().map(|role| ident(&role.name));
    let roles: Vec<String> = there.filter(|_| !model.roles.is_empty()).collect();
    let sql = format!(
        "create role {LOGIN} login noinherit; grant {} to {LOGIN}",
        roles.join(", ")
    );
    session.keep(vec![Script::default().act(sql)]).await.pop()?.ok()?;
    Some(format!(
        "session_user is asked: clients were played by login {LOGIN}, as PostgREST has it, which isn't there"
    ))
}

/// Attackers come from a login, as far as the administrator can play it: what names `session_user` sees that.
/// Settings that are refused would make every attempt look as if it had been refused.
pub(crate) async fn check_settings(
    session: &Session<'_>,
    model: &Model,
    catalog: &mut Catalog,
) -> Vec<String> {
    // A role that isn't there is nobody's; of the signed-in one something must be said.
    let there = |role: &&String| {
        catalog.roles.iter().any(|r| r.name == **role) || **role == crate::persona::signed_in_role(model)
    };
    let roles: Vec<&String> = model.roles.iter().filter(there).collect();
    loop {
        let scripts = roles
            .iter()
            .map(|role| Persona::of_role(role).settings(&session.admin, catalog, &model.schemas[0]))
            .map(|settings| Script::default().be(settings))
            .collect();
        let outcomes = session.attempt(scripts).await;
        let refused: Vec<String> = roles
            .iter()
            .zip(outcomes)
            .filter_map(|(role, outcome)| {
                Some(format!(
                    "role {role} can't be attacked as: {}",
                    outcome.err()?.message
                ))
            })
            .collect();
        if refused.is_empty() || catalog.login.take().is_none() {
            return refused;
        }
    }
}
