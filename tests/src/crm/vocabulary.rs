//! What the CRM's writers write: its own statements, as far as the state of its tables allows them.

use tokio::sync::Mutex;
use tokio_postgres::Client;

/// Before a statement of the browser's, in a template.
pub(super) const AS_BROWSER: &str = "/* browser */ ";

/// Statements on tables that don't have tenants.
const EVER: [&str; 8] = [
    "update leads set status = 'contacted', updated_at = now() where id = '{lead}'",
    "update leads set summary = 'texted again {n}', updated_at = now() where phone = '+1555' || lpad('{n}', 7, '0')",
    "select * from leads where id = '{lead}'",
    "update users set failed_login_count = failed_login_count + 1, updated_at = now() where email = '{one}@example.com'",
    "update users set failed_login_count = 0, lock_until = null where email = '{one}@example.com'",
    "insert into users (email, password, business_name) values ('new-{writer}-{n}@example.com', 'bcrypt', 'B')",
    "delete from leads where id = '{made}'",
    "delete from leads where id = '{lead}'",
];
/// A row of each table, without whose it is.
const ROWS: [(&str, &str, &str); 5] = [
    (
        "leads",
        "id, name, phone, status, source, summary, sentiment",
        "'made-{writer}-{n}', 'Lead 1234', '+15551234', 'new', 'Voice', 'wants a demo', 'neutral'",
    ),
    (
        "call_logs",
        "phone, recording_url, duration, sentiment, summary",
        "'+15551234', 'https://example.com/r', 61, 'neutral', 'said so'",
    ),
    (
        "automation_logs",
        "action_type, status, details",
        "'sms', 'completed', '{\"direction\":\"inbound\"}'",
    ),
    (
        "contacts",
        "first_name, email, phone",
        "'Ann', 'ann@example.com', '+1 (555) 123-4567'",
    ),
    (
        "webhook_events",
        "source, event_type, payload",
        "'vapi', 'call.ended', '{}'",
    ),
];

/// What there is to write, and to which rows.
pub(super) struct Vocabulary {
    templates: Vec<String>,
    leads: Vec<String>,
    made: Mutex<Vec<String>>,
}

impl Vocabulary {
    pub(super) async fn read(owner: &Client, old: bool) -> Self {
        let mut templates = EVER.map(str::to_owned).to_vec();
        for (table, columns, values) in ROWS {
            // An event is nobody's until it is routed, also later.
            let unowned = old || table == "webhook_events";
            templates.extend(rows_of(owner, (table, columns, values), unowned).await);
        }
        if user_may_be_null(owner, "api_keys").await.is_some() {
            templates.push(
                "insert into api_keys (user_id, service_name, encrypted_key) values ('user-{one}', 'hubspot', 'iv:tag:{n}')
                 on conflict (user_id, service_name) do update set encrypted_key = excluded.encrypted_key, is_active = true"
                    .to_owned(),
            );
        }
        // Other deployments of the frontend write from the browser, with a token of Supabase Auth.
        let may_be_null = user_may_be_null(owner, "leads").await;
        if may_be_null == Some(true) || (may_be_null.is_none() && old) {
            templates.push(format!(
                "{AS_BROWSER}insert into leads (name, phone, status, source) values ('Lead', '+15551234', 'new', 'Web')"
            ));
        }
        let leads = owner
            .query("select id from leads limit 5000", &[])
            .await
            .expect("leads can be read");
        Self {
            templates,
            leads: leads.iter().map(|row| row.get(0)).collect(),
            made: Mutex::new(Vec::new()),
        }
    }

    /// The next statement of a writer, by its dice.
    pub(super) async fn statement(&self, writer: u64, n: u64, dice: u64) -> String {
        let pick = |many: usize, salt: u64| usize::try_from((dice >> salt) % many as u64).expect("small");
        let template = &self.templates[pick(self.templates.len(), 7)];
        let mut made = self.made.lock().await;
        let last = if template.contains("{made}") {
            made.pop()
        } else {
            None
        };
        let statement = template
            .replace("{lead}", &self.leads[pick(self.leads.len(), 13)])
            .replace("{made}", &last.unwrap_or_default())
            .replace("{one}", &(1 + pick(10, 23)).to_string())
            .replace("{writer}", &writer.to_string())
            .replace("{n}", &n.to_string());
        if statement.contains("'made-") {
            made.push(format!("made-{writer}-{n}"));
        }
        statement
    }
}

/// Statements that make a row of a table and read it: with a user where there can be one, without where that is meant.
async fn rows_of(owner: &Client, (table, columns, values): (&str, &str, &str), unowned: bool) -> Vec<String> {
    let is_there = owner
        .query_one("select to_regclass($1) is not null", &[&table])
        .await
        .expect("the catalog can be read");
    if !is_there.get::<_, bool>(0) {
        return Vec::new();
    }
    let may_be_null = user_may_be_null(owner, table).await;
    let mut statements = Vec::new();
    if may_be_null != Some(false) && unowned {
        statements.push(format!("insert into {table} ({columns}) values ({values})"));
    }
    if may_be_null.is_some() {
        statements.push(format!(
            "insert into {table} (user_id, {columns}) values ('user-{{one}}', {values})"
        ));
        statements.push(format!(
            "select * from {table} where user_id = 'user-{{one}}' order by created_at desc limit 20"
        ));
    }
    statements
}

/// Whether a row may be nobody's; none where rows have no user.
async fn user_may_be_null(owner: &Client, table: &str) -> Option<bool> {
    let sql = "select not attnotnull from pg_attribute
        where attrelid = to_regclass($1) and attname = 'user_id' and not attisdropped";
    let row = owner
        .query_opt(sql, &[&table])
        .await
        .expect("the catalog can be read");
    row.map(|row| row.get(0))
}
