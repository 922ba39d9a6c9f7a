-- The API roles, what each can become, and the logins that become them
with recursive api as (select r.oid, r.rolname from pg_roles r where r.rolname = any ({roles}::name[])),
path(start, oid, set_option, inherit_option, depth) as (
  select oid, oid, true, true, 0 from api
  union
  select p.start, m.roleid,
    p.set_option and coalesce((to_jsonb(m) ->> 'set_option')::boolean, true),
    p.inherit_option and coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, (select rolinherit from pg_roles where oid = m.member)),
    p.depth + 1
  from path p join pg_auth_members m on m.member = p.oid where p.depth < 20
)
select jsonb_build_object(
  'name', a.rolname,
  'superuser', r.rolsuper, 'bypasses', r.rolbypassrls, 'createrole', r.rolcreaterole,
  'may_be_set', pg_has_role(a.oid, 'member'),
  'can_become', coalesce((
    select jsonb_agg(distinct jsonb_build_object('name', t.rolname, 'set', p.set_option, 'inherit', p.inherit_option,
      'superuser', t.rolsuper, 'bypasses', t.rolbypassrls,
      'owns', exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = any ({schemas})
        where c.relowner = t.oid and c.relkind in ('r', 'p'))))
    from path p join pg_roles t on t.oid = p.oid where p.start = a.oid and p.oid <> a.oid), '[]'))
from api a join pg_roles r on r.oid = a.oid
order by a.rolname
