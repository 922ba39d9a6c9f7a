//! Drafts the likely intent: a model made from the catalog, for a person to review.

mod class;
mod closed;
mod elsewhere;
mod memberships;
mod table;

use std::fmt::Write as _;

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::extensions;
use crate::model::Model;
use crate::sql::{array, ident};
use class::class;
use closed::closed;
use elsewhere::Elsewhere;
use memberships::membership;
use table::{Table, most_common};

/// What columns are called that let in whoever knows what they hold.
const SECRETS: [&str; 7] = [
    "token",
    "code",
    "join_code",
    "invite_token",
    "invitation_token",
    "invite_code",
    "secret",
];

impl Model {
    /// Drafts a model file of these schemas: tenant columns by name and foreign key, membership tables. What nobody can
    /// know is marked with TODO.
    pub async fn draft(client: &Client, schemas: &[String]) -> Result<String, Error> {
        let sql = include_str!("../../sql/draft.sql")
            .replace("{schemas}", &array(schemas.iter().map(String::as_str)));
        let messages = client
            .simple_query(&extensions::fill(&sql))
            .await
            .map_err(|error| Error::from_postgres(&error))?;
        let mut tables: Vec<Table> = Vec::new();
        for message in messages {
            if let SimpleQueryMessage::Row(row) = message {
                let table = serde_json::from_str(row.get(0).unwrap_or_default())
                    .map_err(|error| Error::Catalog(error.to_string()))?;
                tables.push(table);
            }
        }
        tables.retain(|table| !table.partition);
        Ok(draft(schemas, &tables, &Elsewhere::load(client).await?))
    }
}

fn draft(schemas: &[String], tables: &[Table], elsewhere: &Elsewhere) -> String {
    let membership = membership(tables);
    let column = membership
        .as_ref()
        .map_or_else(|| most_common(tables), |(_, _, tenant)| tenant.clone());
    let tenant = membership.as_ref().map(|(_, _, tenant)| tenant.as_str());
    let mut text = format!(
        "# Drafted by `mako prove --init`. Review every line: this is what the database will be held to.\n\
         schemas = {schemas:?}\nroles = [\"anon\", \"authenticated\"]\n{}\n[tenant]\nclaim = \"sub\"\ncolumn = {column:?}\n",
        elsewhere.topics(tenant)
    );
    if let Some((table, user, tenant)) = &membership {
        let _ = write!(
            text,
            "\n[tenant.membership]\ntable = {:?}\nuser = {user:?}\ntenant = {tenant:?}\n",
            key(&table.schema, &table.name)
        );
    }
    for table in tables {
        let name = key(&table.schema, &table.name);
        let more = more(table);
        if let Some(reason) = closed(table) {
            let _ = write!(
                text,
                "\n[relations.{name:?}]\ninternal = true\nreason = {reason:?}\n"
            );
            continue;
        }
        if table.columns.contains(&column) {
            if !more.is_empty() {
                let comment = if more.contains("\nsecrets") { "" } else { "# " };
                let _ = write!(text, "\n{comment}[relations.{name:?}]{more}\n");
            }
            continue;
        }
        let _ = match class(table, tables, &column, membership.as_ref()) {
            Some(class) => write!(text, "\n[relations.{name:?}]\n{class}{more}\n"),
            // A guess that it is public would be believed unread.
            None => write!(
                text,
                "\n# TODO: whose are the rows of {name}? Until this says it, nothing is proven.\n\
                 # [relations.{name:?}]\n\
                 # column = \"…\"     # or public = true, or internal = true, with a reason\n"
            ),
        };
    }
    text.push_str(&elsewhere.buckets(tenant));
    text
}

/// What else may be said of a table's rows.
fn more(table: &Table) -> String {
    let mut lines = String::new();
    let invites = ["invit", "share_link", "magic_link"];
    let secrets: Vec<&String> = table
        .columns
        .iter()
        .filter(|name| SECRETS.contains(&name.as_str()))
        .collect();
    if invites.iter().any(|word| table.name.contains(word)) && !secrets.is_empty() {
        let _ = write!(lines, "\nsecrets = {secrets:?}");
    }
    let asks_nobody = |condition: &&String| {
        !condition.contains(['.', '\n']) && condition.as_str() != "true" && !condition.contains("SELECT")
    };
    for condition in table.reads.iter().filter(asks_nobody) {
        // As a guess it would open what nobody may have meant to.
        let _ = write!(
            lines,
            "\n# public_where = {condition:?}   # if everybody may read such rows, as a policy lets them"
        );
    }
    lines
}

fn key(schema: &str, name: &str) -> String {
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain(schema) && plain(name) {
        format!("{schema}.{name}")
    } else {
        format!("{}.{}", ident(schema), ident(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RelationKind;

    fn public() -> [String; 1] {
        ["public".to_owned()]
    }
    use crate::naming::{Names, Naming};

    pub(in crate::draft) fn table(name: &str, columns: &[&str], keys: &[(&str, &str, &str)]) -> Table {
        Table {
            schema: "public".to_owned(),
            name: name.to_owned(),
            kind: RelationKind::Table,
            partition: false,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            keys: keys
                .iter()
                .map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned()))
                .collect(),
            policies: Vec::new(),
            reads: Vec::new(),
            makes: Vec::new(),
            guards: None,
            reachable: true,
        }
    }

    #[test]
    fn policies_tell_whose_a_table_is_where_no_foreign_key_does() {
        let members = table(
            "members",
            &["org_id", "user_id"],
            &[("org_id", "public.orgs", "id")],
        );
        let mut users = table("users", &["id", "role"], &[]);
        users.policies = vec!["(id = ( SELECT auth.uid() AS uid))".to_owned()];
        let mut messages = table("messages", &["id", "sender_id", "recipient_id"], &[]);
        messages.policies = vec!["((sender_id = auth.uid()) OR (auth.uid() = recipient_id))".to_owned()];
        let text = draft(&public(), &[members, users, messages], &Elsewhere::default());
        let model = Model::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let users = model.entry("public", "users").unwrap();
        assert_eq!(
            (users.column.as_deref(), users.names.as_ref().map(Naming::names)),
            (Some("id"), Some(Names::User))
        );
        let messages = model.entry("public", "messages").unwrap();
        assert_eq!(messages.column.as_deref(), Some("sender_id"));
        assert_eq!(messages.readers, ["recipient_id"]);
    }

    #[test]
    fn what_nobody_reads_is_internal_and_what_everybody_reads_is_for_a_person_to_say() {
        let plain = |name: &str, policy: &str| Table {
            policies: vec![policy.to_owned()],
            ..table(name, &["id", "name"], &[])
        };
        let admins = "(EXISTS ( SELECT 1 FROM profiles WHERE ((profiles.id = auth.uid()) AND (profiles.role = 'admin'::text))))";
        let tables = [
            Table {
                reachable: false,
                ..table("jobs", &["id", "what"], &[])
            },
            Table {
                guards: Some(Vec::new()),
                ..table("locks", &["id", "what"], &[])
            },
            plain("audits", admins),
            plain("prices", "true"),
            plain("badges", "(auth.uid() IS NOT NULL)"),
            plain(
                "rooms",
                "(EXISTS ( SELECT 1 FROM visits WHERE (visits.room = rooms.id)))",
            ),
            Table {
                kind: RelationKind::View,
                ..table("counts", &["day", "n"], &[])
            },
        ];
        let text = draft(&public(), &tables, &Elsewhere::default());
        let model = Model::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for (name, internal) in [
            ("jobs", true),
            ("locks", true),
            ("audits", true),
            ("counts", true),
            ("prices", false),
            ("badges", false),
            ("rooms", false),
        ] {
            let entry = model.entry("public", name);
            assert_eq!(
                entry.is_some_and(|entry| entry.internal),
                internal,
                "{name}\n{text}"
            );
            assert!(entry.is_some() == internal, "{name}\n{text}");
        }
    }

    #[test]
    fn a_draft_is_a_model() {
        let tables = [
            table("tenants", &["id", "name"], &[]),
            table(
                "members",
                &["tenant_id", "user_id"],
                &[
                    ("tenant_id", "public.tenants", "id"),
                    ("user_id", "auth.users", "id"),
                ],
            ),
            table(
                "notes",
                &["id", "tenant_id"],
                &[("tenant_id", "public.tenants", "id")],
            ),
            table(
                "comments",
                &["id", "note_id"],
                &[("note_id", "public.notes", "id")],
            ),
            table("Odd Plans", &["id"], &[]),
            table("accounts", &["id", "createdBy"], &[]),
        ];
        let text = draft(&public(), &tables, &Elsewhere::default());
        let model = Model::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(model.tenant.membership.as_ref().unwrap().table, "public.members");
        assert_eq!(
            model.entry("public", "tenants").unwrap().column.as_deref(),
            Some("id")
        );
        assert_eq!(
            model.entry("public", "comments").unwrap().column.as_deref(),
            Some("note_id")
        );
        assert!(
            model.entry("public", "Odd Plans").is_none(),
            "only a person knows whose they are"
        );
        assert!(
            text.contains("# TODO: whose are the rows of \"public\".\"Odd Plans\"?"),
            "{text}"
        );
        assert!(model.entry("public", "notes").is_none());
        assert_eq!(
            model.entry("public", "accounts").unwrap().column.as_deref(),
            Some("createdBy")
        );
    }

    #[test]
    fn a_user_of_one_tenant_and_rows_far_from_it_are_drafted() {
        let mut users = table(
            "profiles",
            &["id", "company_id"],
            &[
                ("id", "auth.users", "id"),
                ("company_id", "public.companies", "id"),
            ],
        );
        users.policies = vec!["(id = auth.uid())".to_owned()];
        let companies = table("companies", &["id", "name"], &[]);
        let mut projects = table(
            "projects",
            &["id", "company_id"],
            &[("company_id", "public.companies", "id")],
        );
        projects.policies = vec![
            "(company_id = ( SELECT profiles.company_id FROM profiles WHERE (profiles.id = auth.uid())))"
                .to_owned(),
        ];
        projects.reads = vec!["(is_public = true)".to_owned()];
        let tasks = table(
            "tasks",
            &["id", "project_id"],
            &[("project_id", "public.projects", "id")],
        );
        let steps = table("steps", &["id", "task_id"], &[("task_id", "public.tasks", "id")]);
        let invitations = table("invitations", &["id", "company_id", "token"], &[]);
        let text = draft(
            &public(),
            &[users, companies, projects, tasks, steps, invitations],
            &Elsewhere::default(),
        );
        let model = Model::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let membership = model.tenant.membership.as_ref().unwrap();
        assert_eq!(
            (
                membership.table.as_str(),
                membership.user.as_str(),
                membership.tenant.as_str()
            ),
            ("public.profiles", "id", "company_id")
        );
        let column = |name: &str| model.entry("public", name).unwrap().column.as_deref();
        assert_eq!(column("companies"), Some("id"));
        assert_eq!(column("tasks"), Some("project_id"));
        assert_eq!(column("steps"), Some("task_id"));
        assert_eq!(model.entry("public", "invitations").unwrap().secrets, ["token"]);
        assert!(
            model.entry("public", "projects").is_none(),
            "public_where is for a person to say"
        );
        assert!(text.contains("# public_where = \"(is_public = true)\""), "{text}");
    }
}
