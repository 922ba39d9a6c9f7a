//! What people read: a plan, table by table, with the SQL; and the report after it was carried out.

use std::fmt::{self, Formatter};

use super::plan::{AdoptionPlan, Grant, Table};
use super::steps::{BRIEFLY, Phase};
use super::{Report, orphans};

pub(super) fn plan(plan: &AdoptionPlan, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "Adoption of the database {}, as {}", plan.database, plan.admin)?;
    if !plan.blockers.is_empty() {
        writeln!(f, "\nIn the way, to be settled first:")?;
        for blocker in &plan.blockers {
            writeln!(f, "  {blocker}")?;
        }
    }
    let rows: i64 = plan.tables.iter().map(|table| table.rows).sum();
    if rows > 0 && plan.blockers.is_empty() && !plan.is_adopted() {
        writeln!(
            f,
            "first the digest of every row is written to mako.adoption_rows: {rows} rows, about {} MB until the end",
            1 + rows * 200 / 1_000_000
        )?;
    }
    for migration in &plan.migrations {
        writeln!(f, "migration {migration}: not applied")?;
    }
    if !plan.missing.is_empty() {
        writeln!(
            f,
            "made new, empty and enforced: {} (lock: share row exclusive on users, {BRIEFLY})",
            plan.missing.join(", ")
        )?;
    }
    for table in &plan.tables {
        self::table(plan, table, f)?;
    }
    holes(plan, f)?;
    if !plan.blockers.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{}", next(plan))?;
    if !plan.files.is_empty() {
        writeln!(f, "\nThe policy files, as they would be run:")?;
    }
    for file in &plan.files {
        writeln!(f, "\n-- policies/{}", file.0)?;
        for line in file
            .1
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("--"))
        {
            writeln!(f, "{line}")?;
        }
    }
    Ok(())
}

/// What is not the adoption's to protect.
fn holes(plan: &AdoptionPlan, f: &mut Formatter<'_>) -> fmt::Result {
    if !plan.holes.is_empty() {
        writeln!(
            f,
            "\nNot protected, and not among the CRM's tables (policies/verify.sql):"
        )?;
    }
    for hole in &plan.holes {
        writeln!(f, "  {}: {}\n    {}", hole.object, hole.problem, hole.fix)?;
    }
    Ok(())
}

/// What is to be run next.
fn next(plan: &AdoptionPlan) -> String {
    let orphans: i64 = plan.tables.iter().map(|table| table.orphans.total()).sum();
    match (plan.is_adopted(), plan.is_enforced(), orphans) {
        (false, ..) => "Next: mako adopt --apply --rollback-dir DIR. It writes the way back into DIR, refuses no write that the present writers make, and may be repeated.".to_owned(),
        (true, true, _) => "Nothing is left to do.".to_owned(),
        (true, false, 0) => "Adopted. Next, once nobody writes rows without a user any more: mako adopt --enforce".to_owned(),
        (true, false, orphans) => format!(
            "Adopted. {orphans} orphans remain, invisible to every tenant. Next: mako adopt --assign-orphans USER_ID, \
             then mako adopt --enforce"
        ),
    }
}

fn table(plan: &AdoptionPlan, table: &Table, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "\npublic.{}", table.relation)?;
    if !plan.blockers.is_empty() {
        return Ok(());
    }
    writeln!(f, "  rows: {}", table.rows)?;
    if table.orphans.total() > 0 {
        writeln!(f, "  orphans: {}", table.orphans)?;
    }
    if table.orphans.known_to_auth > 0 {
        writeln!(
            f,
            "    The foreign key will refuse new rows of such users. They, and their rows, come in with:\n    insert into public.users \
             (id, email, password) select id::text, coalesce(email, id || '@no-email.invalid'), '!' from auth.users on conflict do nothing;"
        )?;
    }
    for policy in &table.policies {
        let fate = if policy.is_the_crms {
            format!("drop policy \"{}\" on public.{};", policy.name, table.relation)
        } else {
            "not known to Mako: stays, under a restrictive floor that makes it harmless".to_owned()
        };
        writeln!(f, "  policy \"{}\" {}\n    {fate}", policy.name, policy.text)?;
    }
    if plan
        .files
        .iter()
        .any(|file| file.0 == format!("{}.sql", table.relation))
    {
        rights(table, f)?;
    }
    for phase in [Phase::Apply, Phase::Enforce] {
        for step in table.steps.iter().filter(|step| step.phase == phase) {
            writeln!(
                f,
                "  {phase}: {}\n    {};\n    lock: {}",
                step.words,
                step.live_sql(),
                step.lock(table.rows, table.bytes)
            )?;
        }
    }
    Ok(())
}

/// What the table's policy file changes.
fn rights(table: &Table, f: &mut Formatter<'_>) -> fmt::Result {
    for Grant { role, rights } in &table.grants {
        writeln!(
            f,
            "  {role} has {rights}\n    revoke all on public.{} from {role}; (policies/{0}.sql grants what is needed)",
            table.relation
        )?;
    }
    for Grant { role, rights } in &table.bound {
        writeln!(
            f,
            "  {role} has {rights} and does not bypass row-level security: it will see no row without a user's claims"
        )?;
    }
    writeln!(
        f,
        "  apply: policies/{0}.sql: row-level security forced, the drops and rights above, policies, the floor\n    \
         lock: access exclusive on {0}, {BRIEFLY}",
        table.relation
    )
}

pub(super) fn report(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    if report.rows.is_empty() {
        writeln!(f, "There was nothing to do.")?;
    }
    for table in &report.rows {
        writeln!(f, "{table}")?;
    }
    for table in orphans::with_orphans(&report.after.tables) {
        writeln!(f, "{}: orphans: {}", table.relation, table.orphans)?;
    }
    for table in &report.after.tables {
        for policy in &table.policies {
            writeln!(
                f,
                "{}: the policy \"{}\" is not Mako's; the floor makes it harmless",
                table.relation, policy.name
            )?;
        }
    }
    holes(&report.after, f)?;
    write!(f, "{}", next(&report.after))
}
