-- Who has which rights on public.$1, columns included, owner excepted; and whether policies/ decides about them
with entry(grantee, privilege, column_name) as (
  select g.grantee, g.privilege_type, null::name
  from pg_class c, aclexplode(c.relacl) g
  where c.oid = to_regclass(format('public.%I', $1::text)) and g.grantee <> c.relowner
  union all
  select g.grantee, g.privilege_type, a.attname
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and not a.attisdropped, aclexplode(a.attacl) g
  where c.oid = to_regclass(format('public.%I', $1::text)) and g.grantee <> c.relowner
)
select case when grantee = 0 then 'public' else grantee::regrole::text end,
  string_agg(distinct lower(privilege) || coalesce(' (' || columns || ')', ''), ', '),
  grantee = 0 or grantee::regrole::text in
    ('anon', 'authenticated', 'service_role', 'mako_sealer', 'mako_router', 'mako_definer'),
  coalesce((select rolsuper or rolbypassrls from pg_roles where oid = grantee), false)
from (
  select grantee, privilege, string_agg(column_name, ', ' order by column_name) as columns
  from entry
  group by grantee, privilege
) by_privilege
group by grantee
order by 1
