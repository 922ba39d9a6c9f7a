//! Asks a node of a spread database what lies on it, and has a transaction stay there.

use std::collections::{BTreeMap, BTreeSet};

use super::here::{Here, Spread};
use crate::Error;
use crate::attack::says_yes;
use crate::session::Session;
use crate::sql::{Oid, array, ident, literal};

/// Shards are seen and written to like other tables, and nothing is made elsewhere, as long as the transaction lasts.
const AS_TABLES: &str = "set local citus.show_shards_for_app_name_prefixes = '*'; \
    set local citus.enable_manual_changes_to_shards = on; set local citus.enable_ddl_propagation = off; ";

impl Here {
    /// Looks what lies here; nothing without Citus.
    pub(crate) async fn look(session: &Session<'_>) -> Result<Self, Error> {
        let citus = "select to_regclass('pg_catalog.pg_dist_partition') is not null";
        if !says_yes(&session.must(citus).await?) {
            return Ok(Self::default());
        }
        let look = format!("{AS_TABLES}{}", include_str!("../../sql/nodes/here.sql"));
        let mut here = Self::default();
        for row in session.must(&look).await? {
            let text = |n: usize| row.get(n).cloned().flatten();
            let oid = |n: usize| text(n).and_then(|text| text.parse::<Oid>().ok());
            let (Some(table), Some(schema), Some(name)) = (oid(0), text(1), text(2)) else {
                return Err(Error::Unexpected("Citus' tables"));
            };
            let spread = here.tables.entry(table).or_insert(Spread {
                schema,
                name,
                copied: text(3).as_deref() == Some("t"),
                shards: BTreeMap::new(),
            });
            if let (Some(shard), Some(schema), Some(name)) = (oid(4), text(5), text(6)) {
                spread.shards.insert(shard, (schema, name));
            }
        }
        let differing = session
            .must(include_str!("../../sql/nodes/differing.sql"))
            .await?;
        here.differing = differing.into_iter().flatten().flatten().collect();
        here.stay_here(session).await?;
        Ok(here)
    }

    /// Functions write to the copy that lies here, of tables that each node has a copy of: other nodes are left alone.
    async fn stay_here(&self, session: &Session<'_>) -> Result<(), Error> {
        for table in self.tables.values().filter(|table| table.copied) {
            let Some((schema, name)) = table.shards.values().next() else {
                continue;
            };
            let said = format!("{}.{}", table.schema, table.name);
            let local = format!("{}.{}", ident(schema), ident(name));
            let rewrite = format!(
                "do $mako$ declare made text; begin \
                 for made in select pg_get_functiondef(p.oid) from pg_proc p join pg_language l on l.oid = p.prolang \
                 where p.prokind = 'f' and l.lanname in ('sql', 'plpgsql') and p.prosrc ~ {pattern} \
                 loop execute regexp_replace(made, {pattern}, {local}, 'g'); end loop; end $mako$",
                pattern = literal(&format!(r"\m{}\M", said.replace('.', r"\."))),
                local = literal(&local),
            );
            session.must(&rewrite).await?;
        }
        Ok(())
    }

    /// For the length of the transaction there is nothing on other nodes: an attack would wait for them at each step, and find
    /// nobody there of those who were made up here.
    pub(crate) async fn leave_others_alone(&self, session: &Session<'_>) -> Result<(), Error> {
        if self.tables.is_empty() {
            return Ok(());
        }
        let elsewhere = "delete from pg_dist_shard s where not exists (select from pg_dist_placement p \
                         join pg_dist_local_group g on g.groupid = p.groupid where p.shardid = s.shardid)";
        session.must(elsewhere).await.map(drop)
    }

    /// Which of those ids' rows lie here; nothing, where none is spread by an id.
    pub(crate) async fn ids_here(
        &self,
        session: &Session<'_>,
        ids: Vec<String>,
    ) -> Result<Option<BTreeSet<String>>, Error> {
        let mut tables = self.tables.iter();
        let by_id = tables.find(|(_, table)| !table.copied && !table.shards.is_empty());
        let Some((table, _)) = by_id else {
            return Ok(None);
        };
        let asked = format!(
            "select id from unnest({}) id where exists (select from pg_dist_placement p \
             join pg_dist_local_group g on g.groupid = p.groupid \
             where p.shardid = get_shard_id_for_distribution_column({table}::oid::regclass, id))",
            array(ids.iter().map(String::as_str)),
        );
        let rows = session.must(&asked).await?;
        Ok(Some(rows.into_iter().flatten().flatten().collect()))
    }
}
