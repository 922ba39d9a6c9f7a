-- automation_logs/insert: on a distributed database; the key ($5) is looked up by a statement of its own
select id, action_type, status, details, created_at, updated_at, new
from mako.add_automation_log($1, $2, $3, $4, $5)
