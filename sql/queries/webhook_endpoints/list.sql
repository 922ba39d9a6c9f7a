-- webhook_endpoints/list: the caller's endpoints with their addresses and secrets, sealed
select source, sealed_secret, auth, created_at, updated_at, timezone
from public.webhook_endpoints
where user_id = $1
order by source
