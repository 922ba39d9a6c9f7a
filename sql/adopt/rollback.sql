-- The SQL that brings public.$1 back to what it is now; $2 names the policies that an adoption adds
with t as (
  select c.*, format('public.%I', c.relname) as target
  from pg_class c
  where c.oid = to_regclass(format('public.%I', $1::text))
),
grantee(oid, name) as (
  select 0::oid, 'public'
  union all
  select oid, quote_ident(rolname) from pg_roles where rolname in ('anon', 'authenticated', 'service_role')
),
line(place, text) as (
  select 1, format('drop policy if exists %I on %s;', p, target) from t, unnest($2::text[]) p
  union all
  select 2, format('drop policy if exists %1$I on %2$s; create policy %1$I on %2$s as %3$s for %4$s to %5$s%6$s%7$s;',
    p.polname, target, case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    (select string_agg(case when r = 0 then 'public' else r::regrole::text end, ', ') from unnest(p.polroles) r),
    ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
  from t join pg_policy p on p.polrelid = t.oid
  union all
  select 3, format('alter table %s %s row level security, %s row level security;', target,
    case when relrowsecurity then 'enable' else 'disable' end, case when relforcerowsecurity then 'force' else 'no force' end)
  from t
  union all
  -- Rights on the table and its columns go in one, then those of now come back.
  select 4, format('revoke all on %s from %s;', target, g.name) from t, grantee g
  union all
  select 4, format('revoke all on %s from %I;', target, r)
  from t, unnest(array['mako_sealer', 'mako_router', 'mako_definer']) r
  union all
  select 5, format('grant %s on %s to %s%s;', lower(string_agg(a.privilege_type, ', ' order by a.privilege_type)), t.target, g.name,
    case when a.is_grantable then ' with grant option' end)
  from t, aclexplode(t.relacl) a join grantee g on g.oid = a.grantee
  group by t.target, g.name, a.is_grantable
  union all
  select 5, format('grant %s (%s) on %s to %s%s;', lower(a.privilege_type), string_agg(quote_ident(c.attname), ', '), t.target,
    g.name, case when a.is_grantable then ' with grant option' end)
  from t join pg_attribute c on c.attrelid = t.oid and not c.attisdropped, aclexplode(c.attacl) a
  join grantee g on g.oid = a.grantee
  group by a.privilege_type, t.target, g.name, a.is_grantable
  union all
  -- Constraints that aren't there now. `if exists`: the adoption may have stopped before it made them.
  select 6, format('alter table %s drop constraint if exists %I;', target, n)
  from t, unnest(array['fk_' || relname || '_user_id', relname || '_limits', relname || '_present']) n
  where not exists (select from pg_constraint c where c.conrelid = t.oid and c.conname = n)
  union all
  select 6, format($$do $do$ begin
  if not exists (select from pg_constraint where conrelid = '%1$s'::regclass and conname = %2$L) then
    alter table %1$s add constraint %2$I %3$s not valid;
    begin
      alter table %1$s validate constraint %2$I;
    exception when check_violation then
      raise warning 'rows beyond the constraint %% stay', %2$L;
    end;
  end if;
end $do$;$$, target, c.conname, pg_get_constraintdef(c.oid))
  from t join pg_constraint c on c.conrelid = t.oid and c.contype = 'c' and c.convalidated
  where c.conname not in (relname || '_limits', relname || '_present')
  union all
  select 7, format('alter table %s alter column %I drop not null;', target, a.attname)
  from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and not a.attnotnull
  where a.attname in ('user_id', 'created_at', 'updated_at', 'status', 'is_active')
  union all
  select 7, format('alter table %s alter column %I %s;', target, a.attname,
    coalesce('set default ' || pg_get_expr(d.adbin, d.adrelid), 'drop default'))
  from t
  join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  where a.attname in ('id', 'user_id', 'created_at', 'updated_at', 'status', 'is_active')
  union all
  select 8, 'drop trigger if exists remember_deleted_user on public.users;' from t
  where relname = 'users' and not exists (select from pg_trigger where tgrelid = t.oid and tgname = 'remember_deleted_user')
  union all
  select 8, format('drop trigger if exists %I on %s;', 'count_' || event, target)
  from t, unnest(array['inserted', 'updated', 'deleted', 'truncated']) event
  where relname in ('leads', 'contacts', 'call_logs', 'automation_logs', 'webhook_events')
    and not exists (select from pg_trigger where tgrelid = t.oid and tgname = 'count_' || event)
  union all
  select 8, format('drop trigger if exists %I on %s;', 'capture_' || event, target)
  from t, unnest(array['inserted', 'updated', 'deleted']) event
  where relname in ('leads', 'contacts', 'call_logs', 'automation_logs', 'api_keys')
    and not exists (select from pg_trigger where tgrelid = t.oid and tgname = 'capture_' || event)
  union all
  -- A column that isn't there now stays: dropping it would lose whose the rows are.
  select 9, format('do $$ begin if exists (select from pg_attribute where attrelid = %1$L::regclass and attname = ''user_id''
  and not attisdropped) then alter table %1$s alter column user_id drop not null, alter column user_id drop default; end if; end $$;
-- alter table %1$s drop column user_id;', target)
  from t
  where relname <> 'users' and not exists (
    select from pg_attribute where attrelid = t.oid and attname = 'user_id' and not attisdropped
  )
)
select coalesce(string_agg(text, E'\n' order by place, text), '') from line
