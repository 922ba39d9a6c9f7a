-- event_effects/call: what an event that arrived at $8 says of a call; $2 are its names, one at each provider that reports it
with known as (
  select row_id from mako.provider_objects where user_id = $1 and kind = 'call' and provider_id = any ($2) limit 1
),
made as (
  insert into public.call_logs (user_id, phone, recording_url, duration, sentiment, summary, created_at, updated_at)
  select $1, $3, $4, $5, $6, $7, $8, $8
  where not exists (select from known)
  returning id
),
-- A row that the tenant has deleted since stays deleted; what was written after the event arrived stays.
changed as (
  update public.call_logs
  set phone = coalesce(phone, $3)
    , recording_url = case when updated_at <= $8 then coalesce($4, recording_url) else coalesce(recording_url, $4) end
    , duration = case when updated_at <= $8 then coalesce($5, duration) else coalesce(duration, $5) end
    , sentiment = case when updated_at <= $8 then coalesce($6, sentiment) else coalesce(sentiment, $6) end
    , summary = case when updated_at <= $8 then coalesce($7, summary) else coalesce(summary, $7) end
    , updated_at = greatest(updated_at, $8)
  where user_id = $1 and id in (select row_id from known)
)
insert into mako.provider_objects (user_id, kind, provider_id, row_id)
select $1, 'call', name, coalesce((select id from made), (select row_id from known))
from unnest($2) name
on conflict (user_id, kind, provider_id) do nothing
