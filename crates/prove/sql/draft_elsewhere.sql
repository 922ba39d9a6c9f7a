-- What policies ask of clients that get at Supabase's files and messages
select jsonb_build_object('table', n.nspname || '.' || c.relname, 'command', p.polcmd::text,
  'asks', concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname in ('storage.objects', 'realtime.messages') and p.polpermissive
  and exists (select from unnest(p.polroles) named
    where named = 0 or exists (select from pg_roles r where r.rolname in ('anon', 'authenticated') and pg_has_role(r.oid, named, 'member')))
order by p.polname
