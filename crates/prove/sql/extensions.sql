-- What extensions put into the schemas in reach of an API role: relations, and functions that do more than compute
with api(role) as (select rolname from pg_roles where rolname = any ({roles}::name[])),
member as (
  select e.extname, d.classid, d.objid from pg_extension e
  join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
),
relation as (
  select m.extname, n.oid as schema, c.oid, c.relname, c.relkind in ('r', 'p') and not c.relrowsecurity as open
  from member m
  join pg_class c on m.classid = 'pg_class'::regclass and c.oid = m.objid and c.relkind in ('r', 'p', 'v', 'm', 'f')
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = any ({schemas})
),
routine as (
  select m.extname, n.oid as schema, p.oid, p.proname, l.lanname in ('c', 'internal') as native
  from member m
  join pg_proc p on m.classid = 'pg_proc'::regclass and p.oid = m.objid and p.prokind = 'f' and (p.prosecdef or p.provolatile <> 'i')
  join pg_namespace n on n.oid = p.pronamespace and n.nspname = any ({schemas})
  join pg_language l on l.oid = p.prolang
  where p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype) and 'internal'::regtype <> all (p.proargtypes)
    and p.proname not like '%\_validator'
),
reach(extname, role, name, is_function, native, writable) as (
  select r.extname, role, r.relname, false, false, r.open and has_table_privilege(role, r.oid, 'insert, update, delete')
  from relation r, api
  where has_schema_privilege(role, r.schema, 'usage')
    and (has_table_privilege(role, r.oid, 'select, insert, update, delete') or has_any_column_privilege(role, r.oid, 'select, insert, update'))
  union all
  select r.extname, role, r.proname, true, r.native, false from routine r, api
  where has_schema_privilege(role, r.schema, 'usage') and has_function_privilege(role, r.oid, 'execute')
)
select jsonb_build_object('name', extname, 'roles', jsonb_agg(distinct role),
  'relations', coalesce(jsonb_agg(distinct name) filter (where not is_function), '[]'),
  'writable', coalesce(jsonb_agg(distinct name) filter (where writable), '[]'),
  'functions', coalesce(jsonb_agg(distinct name) filter (where is_function), '[]'),
  'native', coalesce(jsonb_agg(distinct name) filter (where native), '[]'))
from reach group by extname order by extname
