-- call_logs/insert: on a distributed database; the key ($7) is looked up by a statement of its own
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at, new
from mako.add_call_log($1, $2, $3, $4, $5, $6, $7)
