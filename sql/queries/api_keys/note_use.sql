-- api_keys/note_use: the caller's key is used now; whoever finds its row free notes it, once a second
update public.api_keys
set last_used_at = now()
where user_id = $1 and id in (
  select id from public.api_keys
  where user_id = $1 and service_name = $2 and is_active
    and (last_used_at is null or last_used_at < now() - interval '1 second')
  for no key update skip locked
)
