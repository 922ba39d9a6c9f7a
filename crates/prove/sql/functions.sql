-- Every function outside the system's schemas, and those of extensions that an API client can call and that may do
-- more than compute. Of known ones the definer's and those to try: the rest is known, and may be a thousand.
select jsonb_build_object(
  'oid', p.oid::int8, 'schema', n.nspname, 'name', p.proname, 'signature', p.oid::regprocedure::text,
  'arguments', pg_get_function_identity_arguments(p.oid),
  'in_scope', n.nspname = any ({schemas}), 'extension', e.extname,
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
left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
left join pg_extension e on e.oid = d.refobjid
where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_t%' and p.prokind = 'f'
  and (e.oid is null or n.nspname = any ({schemas}) and case
    when e.extname || '.' || p.proname = any ({tried}) then true
    when l.lanname in ('c', 'internal') then false
    else p.prosecdef or p.provolatile <> 'i' and e.extname <> all ({known})
  end)
order by 1
