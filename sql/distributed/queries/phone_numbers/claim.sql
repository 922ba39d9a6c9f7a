-- phone_numbers/claim: on a distributed database; the key ($5) is looked up by a statement of its own
select id, phone, provider, label, verified_at, created_at, new
from mako.claim_number($1, $2, $3, $4, $5)
