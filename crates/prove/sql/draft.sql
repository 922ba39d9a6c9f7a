-- Which tables and views there are, with their columns and where single-column foreign keys lead
select jsonb_build_object(
  'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'partition', c.relispartition,
  'columns', (select coalesce(jsonb_agg(a.attname order by a.attnum), '[]') from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'keys', (select coalesce(jsonb_agg(jsonb_build_array(a.attname, fn.nspname || '.' || f.relname, fa.attname)), '[]')
    from pg_constraint k join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    join pg_attribute fa on fa.attrelid = f.oid and fa.attnum = k.confkey[1]
    where k.conrelid = c.oid and k.contype = 'f' and cardinality(k.conkey) = 1),
  'policies', (select coalesce(jsonb_agg(concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))), '[]')
    from pg_policy p where p.polrelid = c.oid),
  'reads', (select coalesce(jsonb_agg(pg_get_expr(p.polqual, p.polrelid)), '[]') from pg_policy p
    where p.polrelid = c.oid and p.polpermissive and p.polcmd = 'r'),
  'makes', (select coalesce(jsonb_agg(pg_get_expr(coalesce(p.polwithcheck, p.polqual), p.polrelid)), '[]') from pg_policy p
    where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('a', '*')),
  -- What is asked of API roles, one text a permissive policy that binds them; null where row-level security binds nobody.
  'guards', case when c.relrowsecurity then (
    select coalesce(jsonb_agg(concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))), '[]')
    from pg_policy p where p.polrelid = c.oid and p.polpermissive and exists (
      select from unnest(p.polroles) named (role)
      where named.role = 0 or exists (select from pg_roles r
        where r.rolname in ('anon', 'authenticated') and pg_has_role(r.oid, named.role, 'usage')))) end,
  'reachable', exists (select from pg_roles r where r.rolname in ('anon', 'authenticated') and (
    has_table_privilege(r.oid, c.oid, 'select, insert, update, delete') or has_any_column_privilege(r.oid, c.oid, 'select, insert, update'))))
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any({schemas})
  and not exists (select from pg_depend d join pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_extension'::regclass and e.extname = any ({known}))
order by c.relname
