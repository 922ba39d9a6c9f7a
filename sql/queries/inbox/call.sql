-- inbox/call: what is known of a call now; $2 are its names, one at each provider that reports it
with known as (
  select row_id from mako.provider_objects where user_id = $1 and kind = 'call' and provider_id = any ($2) limit 1
),
made as (
  insert into public.call_logs (user_id, phone, recording_url, duration, sentiment, summary)
  select $1, $3, $4, $5, $6, $7
  where not exists (select from known)
  returning id
),
-- A row that the tenant has deleted since stays deleted.
changed as (
  update public.call_logs
  set phone = coalesce(phone, $3)
    , recording_url = coalesce($4, recording_url)
    , duration = coalesce($5, duration)
    , sentiment = coalesce($6, sentiment)
    , summary = coalesce($7, summary)
    , updated_at = now()
  where user_id = $1 and id in (select row_id from known)
)
insert into mako.provider_objects (user_id, kind, provider_id, row_id)
select $1, 'call', name, coalesce((select id from made), (select row_id from known))
from unnest($2) name
on conflict (user_id, kind, provider_id) do nothing
