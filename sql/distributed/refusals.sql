-- Why Citus can't spread the rows of this database; no row if it can. Reads the catalog and whether there are subscriptions.
with tenant_table(oid) as (
  select to_regclass(name) from unnest($1::text[]) name
)
select 'the role of ADMIN_DATABASE_URL is no superuser, and Citus changes roles on every node'
where not (select rolsuper from pg_roles where rolname = current_user)
union all
select 'this is a worker; ADMIN_DATABASE_URL must lead to the coordinator'
where not citus_is_coordinator()
union all
select 'the coordinator is not in Citus'' own list: select citus_set_coordinator_host(''its address'')'
where not exists (select from pg_dist_node where groupid = 0)
union all
select 'there is no worker: select citus_add_node(''its address'', 5432)'
where not exists (select from pg_dist_node where noderole = 'primary' and isactive and shouldhaveshards)
union all
select 'users have subscribed to events, which triggers note, and Citus allows none on distributed tables'
where exists (select from mako.event_subscriptions)
union all
select format('%s has rows without a user, or may get some: mako adopt --enforce', t.oid::regclass)
from tenant_table t
join pg_attribute a on a.attrelid = t.oid and a.attname = 'user_id' and not a.attnotnull
union all
select format('foreign key %s of %s, which Citus would not keep', c.conname, c.conrelid::regclass)
from tenant_table t
join pg_constraint c on c.confrelid = t.oid and c.contype = 'f'
where c.conrelid not in (select oid from tenant_table)
union all
select format('trigger %s on %s, which Citus allows none', g.tgname, g.tgrelid::regclass)
from tenant_table t
join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
join pg_proc f on f.oid = g.tgfoid
where f.pronamespace <> 'mako'::regnamespace and f.proname !~ '^citus_'
union all
select format('policy %s on %s has a sub-select, which Citus doesn''t take', p.polname, p.polrelid::regclass)
from tenant_table t
join pg_policy p on p.polrelid = t.oid
where p.polname !~ '^(tenant|sealer|definer)_' and concat(pg_get_expr(p.polqual, t.oid), pg_get_expr(p.polwithcheck, t.oid)) ~* '\mselect\M'
union all
select format('policy %s on %s is restrictive, and Citus would make it one that opens', p.polname, p.polrelid::regclass)
from tenant_table t
join pg_policy p on p.polrelid = t.oid
where not p.polpermissive and p.polname <> 'tenant_floor'
union all
select format('policy %s on %s doesn''t say by itself whose rows it is for, and Citus keeps no tenant_floor', p.polname, p.polrelid::regclass)
from tenant_table t
join pg_policy p on p.polrelid = t.oid and p.polpermissive and p.polname <> 'tenant_floor'
cross join lateral (values (pg_get_expr(p.polqual, t.oid)), (pg_get_expr(p.polwithcheck, t.oid))) condition (text)
where p.polroles && array(select oid from pg_roles where rolname in ('anon', 'authenticated') union all select 0::oid)
  and (condition.text !~ '^\(+user_id = (\( SELECT )?mako\.current_user_id\(\)' or condition.text ~ '\mOR\M')
