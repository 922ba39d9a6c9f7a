-- event_effects/call: on a distributed database; a statement a table, on the tenant's shard
select from mako.note_call($1, $2, $3, $4, $5, $6, $7, $8)
