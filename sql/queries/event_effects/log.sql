-- event_effects/log: the automation log of a provider's call or message, by an event that arrived at $8; a lower rank ($7) never
-- moves it back
with known as (
  select row_id, rank from mako.provider_objects where user_id = $1 and kind = $2 and provider_id = $3
),
made as (
  insert into public.automation_logs (user_id, action_type, status, details, created_at, updated_at)
  select $1, $4, $5, $6, $8, $8
  where not exists (select from known)
  returning id
),
changed as (
  update public.automation_logs
  set status = $5
    , details = $6
    , updated_at = greatest(updated_at, $8)
  where user_id = $1 and id in (select row_id from known where rank < $7)
)
insert into mako.provider_objects (user_id, kind, provider_id, row_id, rank)
select $1, $2, $3, coalesce((select id from made), (select row_id from known)), $7
on conflict (user_id, kind, provider_id) do update
set rank = greatest(mako.provider_objects.rank, excluded.rank)
