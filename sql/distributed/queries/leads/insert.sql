-- leads/insert: on a distributed database; the key ($9) is looked up by a statement of its own
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at, new
from mako.add_lead($1, $2, $3, $4, $5, $6, $7, $8, $9)
