-- Every function outside the system's schemas and extensions; `exposed` ones an API client can call
select jsonb_build_object(
  'oid', p.oid::int8, 'schema', n.nspname, 'name', p.proname, 'signature', p.oid::regprocedure::text,
  'arguments', pg_get_function_identity_arguments(p.oid),
  'in_scope', n.nspname = any ({schemas}) and not exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'),
  'kind', p.prokind, 'definer', p.prosecdef, 'volatility', p.provolatile, 'language', l.lanname,
  'source', case when l.lanname = 'sql' and p.prosqlbody is not null then pg_get_function_sqlbody(p.oid) else p.prosrc end,
  'config', coalesce(to_jsonb(p.proconfig), '[]'), 'owner', pg_get_userbyid(p.proowner),
  'owner_bypasses', (select o.rolsuper or o.rolbypassrls from pg_roles o where o.oid = p.proowner),
  'returns', p.prorettype::regtype::text, 'returns_set', p.proretset,
  'strict', p.proisstrict, 'defaults', p.pronargdefaults, 'variadic', p.provariadic <> 0,
  'types', coalesce((
    select jsonb_agg(jsonb_build_object('name', coalesce((p.proargnames)[x.ord], ''), 'type', format_type(x.t, null),
      'base_name', bt.typname, 'kind', bt.typtype, 'category', bt.typcategory,
      'relation', bt.typrelid::int8, 'element', case when bt.typcategory = 'A' then format_type(bt.typelem, null) end,
      'labels', coalesce((select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = bt.oid), '[]'))
      order by x.ord)
    from unnest(p.proargtypes::oid[]) with ordinality x(t, ord)
    join pg_type at on at.oid = x.t
    join pg_type bt on bt.oid = case when at.typtype = 'd' then at.typbasetype else at.oid end), '[]'),
  'callers', coalesce((select jsonb_agg(role) from (select rolname as role from pg_roles where rolname = any ({roles}::name[])) api
    where has_schema_privilege(role, n.oid, 'usage') and has_function_privilege(role, p.oid, 'execute')), '[]'))
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_t%'
  and (n.nspname = any ({schemas}) or not exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))
  and p.prokind = 'f'
order by 1
