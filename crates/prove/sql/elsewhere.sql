-- Tables outside the schemas with policies for API roles that may get at them: files, channels
select jsonb_build_object('schema', n.nspname, 'name', c.relname, 'roles', reach.roles, 'policies', allowing.policies)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname <> all ({schemas})
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_t%'
cross join lateral (
  select jsonb_agg(r.rolname order by r.rolname) as roles, array_agg(r.oid) as oids from pg_roles r
  where r.rolname = any ({roles}::name[]) and has_schema_privilege(r.oid, n.oid, 'usage')
    and (has_table_privilege(r.oid, c.oid, 'select, insert, update, delete') or has_any_column_privilege(r.oid, c.oid, 'select, insert, update'))
    and exists (select from pg_policy p, unnest(p.polroles) named
      where p.polrelid = c.oid and p.polpermissive and (named = 0 or pg_has_role(r.oid, named, 'member')))
) reach
cross join lateral (
  select jsonb_agg(jsonb_build_object('name', p.polname,
      'asks', concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))) order by p.polname) as policies
  from pg_policy p
  where p.polrelid = c.oid and p.polpermissive
    and exists (select from unnest(reach.oids) api, unnest(p.polroles) named where named = 0 or pg_has_role(api, named, 'member'))
) allowing
where n.nspname || '.' || c.relname <> all ({named}) and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition and allowing.policies is not null
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
    and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e')
order by n.nspname, c.relname
