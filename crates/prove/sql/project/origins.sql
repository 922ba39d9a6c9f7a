-- By which transaction things were made: relations, policies with their command, functions. What a table had from its
-- beginning are its system columns; a view is its rule, a function what it depends on.
select 'relation', n.nspname || '.' || c.relname, '', coalesce(
  (select min(a.xmin::text::int8) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum < 0),
  (select max(r.xmin::text::int8) from pg_catalog.pg_rewrite r where r.ev_class = c.oid),
  c.xmin::text::int8)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname not in ('pg_catalog', 'information_schema')
union all
select 'policy', n.nspname || '.' || c.relname, p.polcmd::text, p.xmin::text::int8
from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where p.polpermissive
union all
select 'function', n.nspname || '.' || p.proname || '(' || coalesce((
    select pg_catalog.string_agg(pg_catalog.format_type(t, null), ',' order by ord)
    from pg_catalog.unnest(p.proargtypes::oid[]) with ordinality types (t, ord)), '') || ')', '', coalesce(
  (select max(d.xmin::text::int8) from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid),
  p.xmin::text::int8)
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname not in ('pg_catalog', 'information_schema')
