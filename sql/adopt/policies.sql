-- The policies on public.$1 that are not among ours ($2), and whether each is one of the CRM's own open ones
select p.polname::text,
  format('as %s for %s to %s using (%s)%s', case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    (select string_agg(case when r = 0 then 'public' else r::regrole::text end, ', ') from unnest(p.polroles) r),
    coalesce(pg_get_expr(p.polqual, p.polrelid), 'true'),
    ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
  p.polpermissive
    and p.polname ~ '^(Service role full access|Users can (view|insert|update|delete) own .+)$'
    and coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
    and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'
from pg_policy p
where p.polrelid = to_regclass(format('public.%I', $1::text)) and not p.polname = any ($2::text[])
order by 3 desc, 1
