-- api_keys/take: the caller's sealed key for a service, to be used now, what a grant needs before that, and whether its use is
-- to be noted (api_keys/note_use)
select encrypted_key, is_active, updated_at, last_error
  , last_error is null and last_ok_at > now() - interval '1 minute'
  , oauth
  , case
      when not oauth then 'usable'
      when refresh_lease > now() then case when expires_at <= now() then 'awaited' else 'usable' end
      when refresh_at <= now() then 'due'
      when expires_at <= now() then case when refresh_at = 'infinity' then 'ended' else 'failing' end
      else 'usable'
    end
  , refresh_lease > now()
  , last_used_at is null or last_used_at < now() - interval '1 second'
from public.api_keys
where user_id = $1 and service_name = $2
