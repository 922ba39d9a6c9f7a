-- Free sequences on which an API role has rights; owned ones, and those that a default of a table uses, follow the table
select n.nspname, c.relname, string_agg(distinct role, ', ')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = any ({schemas})
cross join (select rolname as role from pg_roles where rolname = any ({roles}::name[])) api
where c.relkind = 'S'
  and has_schema_privilege(role, n.oid, 'usage') and has_sequence_privilege(role, c.oid, 'usage, select, update')
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i'))
  and not exists (select from pg_depend d join pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_extension'::regclass and e.extname = any ({known}))
  and not exists (select from pg_depend d where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.classid = 'pg_attrdef'::regclass)
group by 1, 2 order by 1, 2
