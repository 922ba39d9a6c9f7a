-- How many rows a tenant has, kept by the transaction that writes them. policies/stats.sql says how, by whom and for whom.

create table if not exists mako.stats (
  user_id text not null,
  relation text not null,
  day date not null,
  kind text not null,
  status text not null,
  rows bigint not null,
  folded boolean not null default false
) with (autovacuum_vacuum_scale_factor = 0.05);
-- There is no key: writers only ever add lines, so that none waits for another. Their sum is what counts.
alter table mako.stats replica identity full;
create index if not exists stats_tenant on mako.stats (user_id, relation, day, kind, status);
create index if not exists stats_unfolded on mako.stats (user_id) where not folded;
comment on table mako.stats is 'By how many rows did a tenant''s rows grow or shrink? The sum of the lines is how many there are';
comment on column mako.stats.user_id is 'Tenant';
comment on column mako.stats.relation is 'Table of the schema public';
comment on column mako.stats.day is 'The day, in UTC, of created_at; infinity: of all time, rows without a time included';
comment on column mako.stats.kind is 'action_type of automation logs; empty for other tables';
comment on column mako.stats.status is 'The rows'' status; empty for tables that have none';
comment on column mako.stats.rows is 'So many more, or fewer';
comment on column mako.stats.folded is 'Whether it is the sum of earlier lines, which it replaces';
