-- A digest of what policies/$1.sql, whose text is $2, decides: the table public.$1; for mako that schema's tables but
-- mako.stats, which has a file of its own with its triggers, as events has; for 00_… and event_… the functions that it makes
with relation as (
  select c.*, n.nspname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p')
    and case $1::text
      when 'mako' then n.nspname = 'mako' and c.relname <> 'stats'
      when 'stats' then n.nspname = 'mako' and c.relname = 'stats'
      else n.nspname = 'public' and c.relname = $1::text
    end
),
-- The functions of triggers that a file of its own puts on other files' tables.
triggered(oid, file) as (
  select f.oid, case when starts_with(f.proname, 'count_') then 'stats' else 'events' end
  from pg_proc f
  join pg_namespace n on n.oid = f.pronamespace and n.nspname = 'mako'
  where f.prorettype = 'trigger'::regtype and f.proname ~ '^(count|capture)_'
),
line(text) as (
  select format('table %s owner %s rls %s force %s', oid::regclass, relowner::regrole, relrowsecurity, relforcerowsecurity)
  from relation
  union all
  select format('grant on %s %s', r.oid::regclass, g) from relation r, unnest(r.relacl) g
  union all
  select format('grant on %s.%s %s', r.oid::regclass, a.attname, g)
  from relation r
  join pg_attribute a on a.attrelid = r.oid and not a.attisdropped, unnest(a.attacl) g
  union all
  select format('policy %s on %s permissive %s for %s to %s using %s check %s',
    p.polname, r.oid::regclass, p.polpermissive, p.polcmd,
    (select string_agg(role::regrole::text, ',' order by role::regrole::text) from unnest(p.polroles) role),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from relation r
  join pg_policy p on p.polrelid = r.oid
  union all
  select format('trigger %s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
  from pg_trigger t
  left join triggered on triggered.oid = t.tgfoid
  where not t.tgisinternal and coalesce(triggered.file = $1::text, t.tgrelid in (select oid from relation))
  union all
  select format('schema %s owner %s grants %s', n.oid::regnamespace, n.nspowner::regrole,
    (select string_agg(g::text, ',' order by g::text) from unnest(n.nspacl) g))
  from pg_namespace n
  where n.nspname = 'mako' and starts_with($1::text, '00_')
  union all
  select format('function %s owner %s definer %s volatile %s settings %s source %s grants %s',
    f.oid::regprocedure, f.proowner::regrole, f.prosecdef, f.provolatile, f.proconfig, md5(f.prosrc),
    (select string_agg(g::text, ',' order by g::text) from unnest(f.proacl) g))
  from pg_proc f
  join pg_namespace n on n.oid = f.pronamespace and n.nspname = 'mako'
  where $1::text ~ '^(00_|event|stats)' and strpos($2::text, format('function mako.%s(', f.proname)) > 0
    or f.oid in (select oid from triggered where file = $1::text)
)
select coalesce(md5(string_agg(text, E'\n' order by text collate "C")), '') from line
